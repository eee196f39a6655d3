//! Pages for the printer: a PDF of headings, paragraphs and tables on US letter paper, with a heading and a page number on
//! each page. Standard Type 1 fonts in WinAnsi; what those cannot print becomes a question mark, and control or
//! direction-turning marks never reach the page.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

use super::sheet::{Align, Sheet};

const MARGIN: i32 = 48;

/// What stands on the pages, in order.
#[derive(Clone, Debug)]
pub enum Block {
    Title(String),
    Heading(String),
    Text(String),
    /// Blank space, in points.
    Space(i32),
    Table(Sheet),
}

/// Width of a character in Helvetica, in thousandths of the size: digits are all alike, so money lines up.
fn width(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | '\'' => 222,
        ' ' | '.' | ',' | ':' | ';' | '!' | 'f' | 't' | 'I' | '/' | '|' => 278,
        '-' | '(' | ')' | 'r' | '[' | ']' => 333,
        '"' | '*' => 370,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' => 500,
        'F' | 'T' | 'Z' => 611,
        'm' | 'M' => 833,
        'w' | 'C' | 'D' | 'H' | 'N' | 'R' | 'U' => 722,
        'G' | 'O' | 'Q' => 778,
        'A' | 'B' | 'E' | 'K' | 'P' | 'S' | 'V' | 'X' | 'Y' => 667,
        'W' => 944,
        '%' => 889,
        '@' => 1015,
        _ => 556,
    }
}

fn measure(text: &str, size: i32) -> i32 {
    text.chars().map(width).sum::<i32>() * size / 1000
}

/// One byte for each character, as WinAnsi has it.
fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match u32::from(c) {
            n @ (0x20..=0x7e | 0xa0..=0xff) => n as u8,
            0x2019 => 0x92,
            0x2013 => 0x96,
            0x2014 => 0x97,
            0..=0x1f => b' ',
            _ => b'?',
        })
        .collect()
}

/// The longest beginning of the text that fits, with dots where it was cut.
fn fitted(text: &str, size: i32, room: i32) -> String {
    if measure(text, size) <= room {
        return text.to_string();
    }
    let mut out = String::new();
    for c in text.chars() {
        if measure(&out, size) + (width(c) + 3 * 278) * size / 1000 > room {
            break;
        }
        out.push(c);
    }
    out.push_str("...");
    out
}

fn wrapped(text: &str, size: i32, room: i32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
            if measure(&longer, size) > room && !line.is_empty() {
                lines.push(std::mem::replace(&mut line, word.to_string()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
    }
    lines
}

struct Pages {
    wide: i32,
    high: i32,
    head: String,
    done: Vec<Content>,
    page: Content,
    y: i32,
}

impl Pages {
    fn new(head: &str, landscape: bool) -> Pages {
        let (wide, high) = if landscape { (792, 612) } else { (612, 792) };
        Pages { wide, high, head: head.into(), done: Vec::new(), page: Content::new(), y: high - MARGIN }
    }

    fn write(&mut self, text: &str, x: i32, y: i32, size: i32, bold: bool) {
        let name: &[u8] = if bold { b"B" } else { b"R" };
        self.page.begin_text();
        self.page.set_font(Name(name), size as f32);
        self.page.next_line(x as f32, y as f32);
        self.page.show(Str(&bytes(text)));
        self.page.end_text();
    }

    fn rule(&mut self, y: i32, weight: i32) {
        self.page.set_line_width(weight as f32 / 10.0);
        self.page.move_to(MARGIN as f32, y as f32);
        self.page.line_to((self.wide - MARGIN) as f32, y as f32);
        self.page.stroke();
    }

    fn turn(&mut self) {
        self.done.push(std::mem::replace(&mut self.page, Content::new()));
        self.y = self.high - MARGIN;
    }

    /// Goes down by so much, to a new page where this one has no room.
    fn down(&mut self, height: i32) {
        if self.y - height < MARGIN + 14 {
            self.turn();
        }
        self.y -= height;
    }

    fn table(&mut self, sheet: &Sheet) {
        let size = if sheet.columns.len() > 8 { 7 } else { 9 };
        let room = self.wide - 2 * MARGIN;
        let natural: Vec<i32> = sheet
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| {
                let cells = sheet.rows.iter().chain(&sheet.totals).filter_map(|row| row.get(n));
                let widest = cells.map(|c| measure(&c.text(), size)).max().unwrap_or(0);
                widest.max(measure(column.name, size) * 11 / 10) + 8
            })
            .collect();
        let wanted: i32 = natural.iter().sum::<i32>().max(1);
        // What is too wide is taken from text columns: money is never cut.
        let money: i32 =
            sheet.columns.iter().zip(&natural).filter(|(c, _)| c.align == Align::Right).map(|(_, w)| w).sum();
        let text = (wanted - money).max(1);
        let widths: Vec<i32> = sheet
            .columns
            .iter()
            .zip(&natural)
            .map(|(c, w)| if wanted <= room || c.align == Align::Right { *w } else { w * (room - money).max(0) / text })
            .collect();
        let heading = |pages: &mut Pages| {
            pages.down(size + 8);
            let (mut x, y) = (MARGIN, pages.y);
            for (column, w) in sheet.columns.iter().zip(&widths) {
                let left = match column.align {
                    Align::Left => x,
                    Align::Right => x + w - 6 - measure(column.name, size) * 11 / 10,
                };
                pages.write(column.name, left, y, size, true);
                x += w;
            }
            pages.rule(y - 3, 8);
        };
        self.down(size * 3 + 10);
        self.y += size * 3 + 10;
        heading(self);
        for (place, row) in sheet.rows.iter().chain(&sheet.totals).enumerate() {
            let total = place >= sheet.rows.len();
            if self.y - (size + 5) < MARGIN + 14 {
                self.turn();
                heading(self);
            }
            self.down(size + 5);
            if total {
                let y = self.y + size + 1;
                self.rule(y, 4);
            }
            let (mut x, y) = (MARGIN, self.y);
            for ((cell, column), w) in row.iter().zip(&sheet.columns).zip(&widths) {
                let text = fitted(&cell.text(), size, w - 4);
                let left = match column.align {
                    Align::Left => x,
                    Align::Right => x + w - 6 - measure(&text, size),
                };
                self.write(&text, left, y, size, total);
                x += w;
            }
        }
        self.down(6);
    }

    fn finish(mut self) -> Vec<u8> {
        self.turn();
        let mut pdf = Pdf::new();
        let (catalog, tree, regular, bold) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
        let count = self.done.len() as i32;
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids((0..count).map(|n| Ref::new(5 + 2 * n))).count(count);
        for (id, name) in [(regular, b"Helvetica".as_slice()), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(id).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        for (n, mut content) in (0..count).zip(std::mem::take(&mut self.done)) {
            let foot = format!("{}    page {} of {count}", self.head, n + 1);
            content.begin_text();
            content.set_font(Name(b"R"), 8.0);
            content.next_line(MARGIN as f32, (MARGIN - 18) as f32);
            content.show(Str(&bytes(&foot)));
            content.end_text();
            let (page, stream) = (Ref::new(5 + 2 * n), Ref::new(6 + 2 * n));
            let mut made = pdf.page(page);
            made.parent(tree).media_box(Rect::new(0.0, 0.0, self.wide as f32, self.high as f32)).contents(stream);
            made.resources().fonts().pair(Name(b"R"), regular).pair(Name(b"B"), bold);
            made.finish();
            pdf.stream(stream, &content.finish());
        }
        pdf.finish()
    }
}

/// The pages as PDF. `foot` stands at the foot of each with the page number.
pub fn pdf(blocks: &[Block], foot: &str, landscape: bool) -> Vec<u8> {
    let mut pages = Pages::new(foot, landscape);
    let room = pages.wide - 2 * MARGIN;
    for block in blocks {
        match block {
            Block::Title(text) => {
                pages.down(22);
                let y = pages.y;
                pages.write(&fitted(text, 16, room), MARGIN, y, 16, true);
            }
            Block::Heading(text) => {
                pages.down(22);
                let y = pages.y;
                pages.write(&fitted(text, 11, room), MARGIN, y, 11, true);
            }
            Block::Text(text) => {
                for line in wrapped(text, 10, room) {
                    pages.down(14);
                    let y = pages.y;
                    pages.write(&line, MARGIN, y, 10, false);
                }
            }
            Block::Space(points) => pages.down(*points),
            Block::Table(sheet) => pages.table(sheet),
        }
    }
    pages.finish()
}
