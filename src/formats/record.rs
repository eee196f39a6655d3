//! Fixed-width records, declared once in the standard's own 1-based columns. From one declaration come the struct, its
//! reading, its writing and the table of columns for people. A gap or an overlap does not compile; a value that does not
//! fit is an error and never cut; each field keeps the bytes it was read from, so that reading then writing is byte-equal.
//! Bytes are Latin-1 here: EBCDIC is translated before (`ebcdic`), which loses nothing.

use super::ebcdic::CodePage;
use super::fault::FormatError;
use crate::domain;

/// How a field is filled and checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Raw,
    Right,
    Account,
    AccountLeft,
    Digits,
    Number,
    Cents,
    Date,
    Blank,
}

/// One line of a record's table, in the standard's column numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub name: &'static str,
    pub from: u16,
    pub to: u16,
    pub kind: Kind,
}

impl Column {
    /// The field's bytes in a record, fewer or none where the record is too short.
    pub fn of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let end = usize::from(self.to).min(record.len());
        let start = usize::from(self.from - 1).min(end);
        &record[start..end]
    }
}

/// Compile-time proof that the columns begin after the type code, follow each other and end at the width.
pub const fn assert_layout(code: &str, width: usize, columns: &[Column]) {
    let mut next = code.len() + 1;
    let mut i = 0;
    while i < columns.len() {
        assert!(columns[i].from as usize == next, "a gap or an overlap before this column");
        assert!(columns[i].to >= columns[i].from, "a column that ends before it begins");
        next = columns[i].to as usize + 1;
        i += 1;
    }
    assert!(next == width + 1, "the columns do not end at the record's width");
}

/// What a value is refused with; the record adds its name and columns.
pub struct Unfit {
    pub found: String,
    pub expected: String,
}

/// Latin-1 bytes as text; control characters stay as they are.
pub fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

/// Without blanks and NULs at both ends.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let padding = |b: &u8| matches!(*b, b' ' | 0);
    let Some(start) = bytes.iter().position(|b| !padding(b)) else { return &[] };
    let end = bytes.iter().rposition(|b| !padding(b)).map_or(0, |e| e + 1);
    &bytes[start..end]
}

/// A number with zeros or blanks on either side: `None` when blank, `Err` when it is anything else or too large.
pub fn number_of(bytes: &[u8]) -> Result<Option<u64>, Unfit> {
    let digits = trimmed(bytes);
    if digits.is_empty() {
        return Ok(None);
    }
    let mut value: u64 = 0;
    for &b in digits {
        let next = match b {
            b'0'..=b'9' => value.checked_mul(10).and_then(|v| v.checked_add(u64::from(b - b'0'))),
            _ => None,
        };
        value = next.ok_or_else(|| Unfit { found: text_of(bytes), expected: "digits".into() })?;
    }
    Ok(Some(value))
}

/// Field values: `N` columns of bytes, read as they stand and written as their kind wants.
pub mod kind {
    use super::{Unfit, domain, number_of, text_of, trimmed};
    use crate::domain::account::masked;

    /// What all kinds have. `set` gives the columns for a value, or says why it does not fit.
    pub trait Field: Copy {
        type Value<'a>;
        const BLANK: Self;
        fn read(columns: &[u8]) -> Self;
        fn bytes(&self) -> &[u8];
        fn set(value: Self::Value<'_>) -> Result<Self, Unfit>;
    }

    fn printable(value: &str) -> Result<Vec<u8>, Unfit> {
        value
            .chars()
            .map(|c| match u8::try_from(c) {
                Ok(b) if (0x20..0x7f).contains(&b) => Ok(b),
                _ => Err(Unfit { found: value.into(), expected: "printable ASCII".into() }),
            })
            .collect()
    }

    fn fill<const N: usize>(value: &[u8], pad: u8, right: bool) -> Option<[u8; N]> {
        let mut columns = [pad; N];
        let room = N.checked_sub(value.len())?;
        let start = if right { room } else { 0 };
        columns[start..start + value.len()].copy_from_slice(value);
        Some(columns)
    }

    fn too_long<const N: usize>(found: String) -> Unfit {
        Unfit { found, expected: format!("at most {N} characters") }
    }

    macro_rules! kind {
        ($(#[$doc:meta])* $name:ident<$life:lifetime>($value:ty) |$arg:pat_param| $set:expr) => {
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq)]
            pub struct $name<const N: usize>([u8; N]);

            impl<const N: usize> Field for $name<N> {
                type Value<$life> = $value;
                const BLANK: Self = Self([b' '; N]);

                fn read(columns: &[u8]) -> Self {
                    let mut field = Self::BLANK;
                    for (to, from) in field.0.iter_mut().zip(columns) {
                        *to = *from;
                    }
                    field
                }

                fn bytes(&self) -> &[u8] {
                    &self.0
                }

                fn set<$life>($arg: $value) -> Result<Self, Unfit> {
                    let columns: Result<[u8; N], Unfit> = $set;
                    columns.map(Self)
                }
            }

            impl<const N: usize> $name<N> {
                /// Without the padding.
                pub fn text(&self) -> String {
                    text_of(trimmed(&self.0))
                }

                pub fn bytes(&self) -> &[u8; N] {
                    &self.0
                }

                pub fn is_blank(&self) -> bool {
                    trimmed(&self.0).is_empty()
                }
            }
        };
    }

    macro_rules! plain_debug {
        ($($name:ident)*) => {$(
            impl<const N: usize> std::fmt::Debug for $name<N> {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    write!(f, "{:?}", text_of(&self.0))
                }
            }
        )*};
    }
    plain_debug! { Raw Right Digits Number Cents Date Blank }

    kind!(/// Text, left-justified, filled with blanks.
        Raw<'a>(&'a str) |value| fill(&printable(value)?, b' ', false).ok_or_else(|| too_long::<N>(value.into())));
    kind!(/// Text, right-justified, filled with blanks.
        Right<'a>(&'a str) |value| fill(&printable(value)?, b' ', true).ok_or_else(|| too_long::<N>(value.into())));
    kind!(/// An account number or a field that holds one: right-justified, masked in errors and in `Debug`.
    Account<'a>(&'a str) |value| {
        let hidden = |unfit: Unfit| Unfit { found: masked(value), ..unfit };
        fill(&printable(value).map_err(hidden)?, b' ', true).ok_or_else(|| too_long::<N>(masked(value)))
    });
    kind!(/// An account number that stands left-justified (Nacha): masked like `Account`.
    AccountLeft<'a>(&'a str) |value| {
        let hidden = |unfit: Unfit| Unfit { found: masked(value), ..unfit };
        fill(&printable(value).map_err(hidden)?, b' ', false).ok_or_else(|| too_long::<N>(masked(value)))
    });
    kind!(/// Exactly as many digits as there are columns, or blank.
    Digits<'a>(&'a str) |value| {
        let wrong = || Unfit { found: value.into(), expected: format!("{N} digits") };
        let fits = value.is_empty() || (value.len() == N && value.bytes().all(|b| b.is_ascii_digit()));
        if fits { fill(value.as_bytes(), b' ', true).ok_or_else(wrong) } else { Err(wrong()) }
    });
    kind!(/// A count, right-justified with zeros.
        Number<'a>(u64) |value| fill(value.to_string().as_bytes(), b'0', true)
            .ok_or_else(|| Unfit { found: value.to_string(), expected: format!("at most {N} digits") }));
    kind!(/// An amount in cents without a point, right-justified with zeros. Never negative.
    Cents<'a>(domain::Cents) |value| {
        let wrong = || Unfit { found: value.to_string(), expected: format!("an amount of at most {N} digits of cents") };
        let units = u64::try_from(value.get()).map_err(|_| wrong())?;
        fill(units.to_string().as_bytes(), b'0', true).ok_or_else(wrong)
    });
    kind!(/// A calendar date `YYYYMMDD`, or `YYMMDD` in six columns (years 1970 to 2069), kept as text.
    Date<'a>(domain::Day) |value| {
        let wrong = || Unfit { found: value.to_string(), expected: date_form(N).into() };
        let compact = value.compact();
        let fits = N != 6 || (1970..=2069).contains(&value.date().year());
        let text = if N == 6 { &compact[2..] } else { compact.as_str() };
        if fits { fill(text.as_bytes(), b'0', true).ok_or_else(wrong) } else { Err(wrong()) }
    });
    kind!(/// Reserved columns: written blank, read as they are.
        Blank<'a>(()) |()| Ok([b' '; N]));

    impl<const N: usize> std::fmt::Debug for Account<N> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&masked(&self.text()))
        }
    }

    impl<const N: usize> std::fmt::Debug for AccountLeft<N> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&masked(&self.text()))
        }
    }

    const fn date_form(columns: usize) -> &'static str {
        if columns == 6 { "a date YYMMDD" } else { "a date YYYYMMDD" }
    }

    impl<const N: usize> Number<N> {
        pub fn number(&self) -> Result<Option<u64>, Unfit> {
            number_of(&self.0)
        }
    }

    impl<const N: usize> Cents<N> {
        /// Tolerates blanks on either side; `None` when blank.
        pub fn cents(&self) -> Result<Option<domain::Cents>, Unfit> {
            let wrong = || Unfit { found: text_of(&self.0), expected: "digits".into() };
            match number_of(&self.0)? {
                None => Ok(None),
                Some(units) => i64::try_from(units).map(|u| Some(domain::Cents::new(u))).map_err(|_| wrong()),
            }
        }
    }

    impl<const N: usize> Date<N> {
        /// `None` when blank, `Err` when it is not a day of the calendar.
        pub fn day(&self) -> Result<Option<domain::Day>, Unfit> {
            if self.is_blank() {
                return Ok(None);
            }
            let text = self.text();
            let century = if text.as_str() < "70" { "20" } else { "19" };
            let whole = if N == 6 { format!("{century}{text}") } else { text };
            domain::Day::from_compact(&whole)
                .map(Some)
                .map_err(|_| Unfit { found: text_of(&self.0), expected: date_form(N).into() })
        }
    }
}

/// A column of a record's table by its name, found while the program is compiled.
pub const fn column_of(columns: &[Column], name: &str) -> Column {
    let mut i = 0;
    while i < columns.len() {
        if same(columns[i].name, name) {
            return columns[i];
        }
        i += 1;
    }
    panic!("the record has no such field")
}

/// Are two texts the same, while the program is compiled?
pub const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The column of a field: `at!(CheckDetail.item_amount)`. A name that the record has not does not compile.
macro_rules! at {
    ($record:ident.$field:ident) => {
        const { $crate::formats::record::column_of($record::COLUMNS, stringify!($field)) }
    };
}
pub(crate) use at;

/// A record as it stands in the file, in ASCII or EBCDIC, whose fields are read where they are: digits without
/// translation, text only when somebody asks for it. A field that the record is too short for reads as blank.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub bytes: &'a [u8],
    /// `None`: ASCII.
    pub page: Option<CodePage>,
}

impl<'a> Row<'a> {
    pub fn new(bytes: &'a [u8], page: Option<CodePage>) -> Self {
        Row { bytes, page }
    }

    /// Both code pages write digits and blanks alike.
    #[inline]
    fn zero(&self) -> u8 {
        if self.page.is_some() { 0xf0 } else { b'0' }
    }

    #[inline]
    fn blank(&self) -> u8 {
        if self.page.is_some() { 0x40 } else { b' ' }
    }

    /// The field's bytes as they stand, none where the record is too short.
    #[inline]
    pub fn raw(&self, column: Column) -> &'a [u8] {
        self.bytes.get(usize::from(column.from) - 1..usize::from(column.to)).unwrap_or_default()
    }

    /// The field's columns in Latin-1.
    pub fn latin(&self, column: Column) -> Vec<u8> {
        let mut text = self.raw(column).to_vec();
        if let Some(page) = self.page {
            page.decode(&mut text);
        }
        text
    }

    /// In Latin-1, without the padding.
    pub fn text(&self, column: Column) -> String {
        text_of(trimmed(&self.latin(column)))
    }

    /// The first character of a field; a blank where there is none.
    #[inline]
    pub fn letter(&self, column: Column) -> u8 {
        let mut letter = [self.raw(column).first().copied().unwrap_or(self.blank())];
        if let Some(page) = self.page {
            page.decode(&mut letter);
        }
        letter[0]
    }

    #[inline]
    pub fn is_blank(&self, column: Column) -> bool {
        let blank = self.blank();
        self.raw(column).iter().all(|b| *b == blank || *b == 0)
    }

    #[inline]
    pub fn is_digits(&self, column: Column) -> bool {
        let (zero, bytes) = (self.zero(), self.raw(column));
        !bytes.is_empty() && bytes.iter().fold(true, |good, b| good & (b.wrapping_sub(zero) <= 9))
    }

    /// A number with zeros or blanks on either side: `None` when blank, `Err` when it is anything else or too large.
    #[inline]
    pub fn number(&self, column: Column) -> Result<Option<u64>, Unfit> {
        let (zero, bytes) = (self.zero(), self.raw(column));
        let (mut value, mut good) = (0u64, (1..=18).contains(&bytes.len()));
        for b in bytes {
            let digit = b.wrapping_sub(zero);
            good &= digit <= 9;
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        if good { Ok(Some(value)) } else { number_of(&self.latin(column)) }
    }

    /// An amount in cents; `None` when blank.
    #[inline]
    pub fn cents(&self, column: Column) -> Result<Option<domain::Cents>, Unfit> {
        match self.number(column)? {
            None => Ok(None),
            Some(units) => i64::try_from(units)
                .map(|units| Some(domain::Cents::new(units)))
                .map_err(|_| Unfit { found: self.text(column), expected: "digits".into() }),
        }
    }

    /// A date `YYYYMMDD`; `None` when blank, `Err` when it is not a day of the calendar.
    pub fn day(&self, column: Column) -> Result<Option<domain::Day>, Unfit> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        domain::Day::from_compact(&text)
            .map(Some)
            .map_err(|_| Unfit { found: text, expected: "a date YYYYMMDD".into() })
    }

    /// Place (from 0) and value of the first control character of the first `width` bytes, in Latin-1.
    #[inline]
    pub fn control_character(&self, width: usize) -> Option<(usize, u8)> {
        let bytes = self.bytes.get(..width.min(self.bytes.len()))?;
        let least = bytes.iter().fold(u8::MAX, |least, b| least.min(*b));
        if least >= self.blank() {
            return None;
        }
        let mut text = bytes.to_vec();
        if let Some(page) = self.page {
            page.decode(&mut text);
        }
        text.iter().position(|b| *b < b' ').map(|at| (at, text[at]))
    }
}

/// Declares a record. Field `x` is read as `record.x`, and set as `Record::BLANK.x(value)?.y(value)?`.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident = $code:literal, width $width:literal {
        $($from:literal - $to:literal $field:ident: $kind:ident),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name {
            $(pub $field: $crate::formats::record::kind::$kind<{ $to - $from + 1 }>,)*
        }

        impl $name {
            pub const CODE: &'static str = $code;
            pub const WIDTH: usize = $width;
            pub const COLUMNS: &'static [$crate::formats::record::Column] = &[$($crate::formats::record::Column {
                name: stringify!($field),
                from: $from,
                to: $to,
                kind: $crate::formats::record::Kind::$kind,
            },)*];
            pub const BLANK: Self =
                Self { $($field: <$crate::formats::record::kind::$kind<{ $to - $from + 1 }> as $crate::formats::record::kind::Field>::BLANK,)* };

            /// Takes the columns as they stand. The type code must be there and the width right.
            pub fn read(text: &[u8]) -> Result<Self, $crate::formats::fault::FormatError> {
                if text.len() != $width {
                    return Err($crate::formats::fault::FormatError::whole(
                        $code, format!("{} columns", text.len()), concat!($width, " columns")));
                }
                if !text.starts_with($code.as_bytes()) {
                    let found = $crate::formats::record::text_of(&text[..$code.len()]);
                    return Err($crate::formats::fault::FormatError::whole($code, found, concat!("type ", $code)));
                }
                Ok(Self { $($field: $crate::formats::record::kind::Field::read(&text[$from - 1..$to]),)* })
            }

            /// Appends the record's columns; `read` of them gives this record again.
            pub fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice($code.as_bytes());
                $(out.extend_from_slice(self.$field.bytes());)*
            }

            #[allow(clippy::wrong_self_convention)]
            pub fn to_bytes(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity($width);
                self.write(&mut out);
                out
            }

            $(pub fn $field(
                mut self,
                value: <$crate::formats::record::kind::$kind<{ $to - $from + 1 }> as $crate::formats::record::kind::Field>::Value<'_>,
            ) -> Result<Self, $crate::formats::fault::FormatError> {
                self.$field = $crate::formats::record::kind::Field::set(value)
                    .map_err(|unfit| $crate::formats::record::located($code, stringify!($field), ($from, $to), unfit))?;
                Ok(self)
            })*
        }

        const _: () = $crate::formats::record::assert_layout($code, $width, $name::COLUMNS);
    };
}
pub(crate) use record;

pub fn located(record: &'static str, field: &'static str, columns: (u16, u16), unfit: Unfit) -> FormatError {
    FormatError {
        record,
        field,
        columns,
        offset: None,
        line: None,
        found: super::fault::clip(&unfit.found),
        expected: unfit.expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cents, Day};
    use proptest::prelude::*;

    record! {
        /// A record of every kind.
        Sample = "77", width 48 {
             3 -  7 name: Raw,
             8 - 12 right: Right,
            13 - 18 account: Account,
            19 - 21 digits: Digits,
            22 - 24 number: Number,
            25 - 34 amount: Cents,
            35 - 42 date: Date,
            43 - 48 reserved: Blank,
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_with_its_columns() {
        let blank = Sample::BLANK.reserved(()).unwrap();
        assert_eq!((blank.to_bytes().len(), Sample::CODE), (Sample::WIDTH, "77"));
        let check = |result: Result<Sample, FormatError>, field: &str, columns: (u16, u16)| {
            let error = result.unwrap_err();
            assert_eq!((error.record, error.field, error.columns), ("77", field, columns));
        };
        check(blank.name("toolong"), "name", (3, 7));
        check(blank.name("tab\t"), "name", (3, 7));
        check(blank.name("é"), "name", (3, 7));
        check(blank.digits("12"), "digits", (19, 21));
        check(blank.number(1000), "number", (22, 24));
        check(blank.amount(Cents::new(10_000_000_000)), "amount", (25, 34));
        check(blank.amount(Cents::new(-1)), "amount", (25, 34));
        let hidden = blank.account("123456789").unwrap_err();
        assert_eq!(hidden.found, "...6789");
    }

    proptest! {
        #[test]
        fn a_written_value_is_read_again(name in "[ -~]{0,5}", right in "[ -~]{0,5}", account in "[0-9]{0,6}",
            number in 0u64..1000, amount in 0i64..10_000_000_000, days in 0i32..40000) {
            let day = Day::of(jiff::civil::date(2000, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap());
            let record = Sample::BLANK.name(&name).unwrap().right(&right).unwrap().account(&account).unwrap()
                .digits("007").unwrap().number(number).unwrap().amount(Cents::new(amount)).unwrap().date(day).unwrap();
            let again = Sample::read(&record.to_bytes()).unwrap();
            prop_assert_eq!(again, record);
            prop_assert_eq!(again.name.text(), name.trim_matches(' '));
            prop_assert_eq!(again.account.text(), account);
            prop_assert_eq!(again.number.number().ok().flatten(), Some(number));
            prop_assert_eq!(again.amount.cents().ok().flatten(), Some(Cents::new(amount)));
            prop_assert_eq!(again.date.day().ok().flatten(), Some(day));
        }

        #[test]
        fn any_record_read_and_written_is_byte_equal(tail in proptest::collection::vec(any::<u8>(), 46)) {
            let text = [b"77".as_slice(), &tail].concat();
            let record = Sample::read(&text).unwrap();
            prop_assert_eq!(record.to_bytes(), text);
            let _ = (record.number.number().is_ok(), record.amount.cents().is_ok(), record.date.day().is_ok());
        }
    }
}
