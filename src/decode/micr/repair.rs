//! Repair of one doubtful digit of the transit field: only where the check digit fails, exactly one digit of the field is in
//! doubt, and what the check digit asks for there is what the picture says next. Refuses all else: a check digit alone finds a
//! "repair" for every misread.

/// A character as seen, whether it is in doubt, and what it most likely is otherwise.
pub type Seen = (char, bool, char);

/// The number of the character to be replaced, and by what.
pub fn repair(line: &[Seen]) -> Option<(usize, char)> {
    let marks: Vec<usize> = (0..line.len()).filter(|&i| line[i].0 == 'A').collect();
    let first = marks.windows(2).find(|m| m[1] - m[0] == 10).map(|m| m[0] + 1)?;
    let field = &line[first..first + 9];
    let digits: Vec<u32> = field.iter().map(|s| s.0.to_digit(10)).collect::<Option<_>>()?;
    let holds = |digits: &[u32]| {
        let sum: u32 = digits.iter().zip([3, 7, 1].into_iter().cycle()).map(|(d, w)| d * w).sum();
        sum.is_multiple_of(10) && sum > 0
    };
    let mut doubtful = (0..9).filter(|&i| field[i].1);
    let (at, None) = (doubtful.next()?, doubtful.next()) else { return None };
    let other = field[at].2.to_digit(10)?;
    let mut repaired = digits.clone();
    repaired[at] = other;
    (!holds(&digits) && holds(&repaired)).then_some((first + at, field[at].2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_doubtful_digit_is_repaired_where_all_agree() {
        // As seen (`*` after a doubtful one, then what it may be) | repaired; `-` is none.
        let table = "
            A12104288*2A12C          | -
            A12104288*3A12C          | -
            A12104283*82A12C         | A121042882A12C
            C0012C A12104283*82A12C  | C0012CA121042882A12C
            A12104233*5*82A12C       | -
            A1210428832A12C          | -
            A12104283*72A12C         | -
            A121042882A12*7C         | -
            A12104288*32A12C         | -
            A12104283*CA12C          | -
            A0000000008*0A12C        | -
            A10448D8*9267A12C        | -
            C12C                     | -
                                     | -
        ";
        for row in table.lines().filter(|l| l.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut line: Vec<Seen> = Vec::new();
            let mut given = cells[0].chars().filter(|c| *c != ' ');
            while let Some(c) = given.next() {
                match (c, line.last_mut()) {
                    ('*', Some(last)) => (last.1, last.2) = (true, given.next().unwrap()),
                    _ => line.push((c, false, '8')),
                }
            }
            let got = repair(&line).map(|(at, c)| {
                let mut text: Vec<char> = line.iter().map(|s| s.0).collect();
                text[at] = c;
                text.into_iter().collect::<String>()
            });
            assert_eq!(got.as_deref().unwrap_or("-"), cells[1], "{row}");
        }
    }
}
