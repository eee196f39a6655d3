//! Long lists in parts: a page stays light, however large a day is, and every line stands on one of its parts.

use super::gate::Visit;

/// A part of a list.
pub struct Reel {
    /// Its first line.
    pub from: usize,
    pub href: String,
    /// `61 - 120`.
    pub words: String,
    /// `here`, the key that leads to it, or nothing.
    pub key: &'static str,
}

/// The first line of the part that is asked for (`?from=`), of so many lines, so many on each part.
pub fn from(visit: &Visit, all: usize, each: usize) -> usize {
    part(visit.query().get("from").parse().unwrap_or(0), all, each)
}

/// So many lines on each part: all of them where the whole list is wanted, to print (`?all=1`).
pub fn each(visit: &Visit, all: usize, each: usize) -> usize {
    if visit.query().get("all") == "1" { all.max(1) } else { each }
}

/// The first line of the part that a line stands on.
pub fn part(line: usize, all: usize, each: usize) -> usize {
    line.min(all.saturating_sub(1)) / each * each
}

/// The parts of a list; `query` is what else stands in their address.
pub fn reels(all: usize, each: usize, here: usize, query: &str) -> Vec<Reel> {
    let reel = |n: usize| Reel {
        from: n * each,
        href: format!("?{query}from={}", n * each),
        words: format!("{} \u{2013} {}", n * each + 1, all.min((n + 1) * each)),
        key: match n * each {
            one if one == here => "here",
            one if one + each == here => "j",
            one if one == here + each => "k",
            _ => "",
        },
    };
    (0..all.div_ceil(each)).map(reel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_stands_on_one_part() {
        for (all, line, first, words) in [
            (0, 0, 0, ""),
            (1, 0, 0, "1 \u{2013} 1"),
            (60, 59, 0, "1 \u{2013} 60"),
            (61, 60, 60, "1 \u{2013} 60 j, 61 \u{2013} 61"),
            (130, 61, 60, "1 \u{2013} 60 j, 61 \u{2013} 120, 121 \u{2013} 130 k"),
            (130, 9_999, 120, "1 \u{2013} 60, 61 \u{2013} 120 j, 121 \u{2013} 130"),
        ] {
            let here = part(line, all, 60);
            let said: Vec<String> = reels(all, 60, here, "")
                .iter()
                .map(|r| if ["here", ""].contains(&r.key) { r.words.clone() } else { format!("{} {}", r.words, r.key) })
                .collect();
            assert_eq!((here, said.join(", ").as_str()), (first, words), "{all} {line}");
        }
        assert_eq!(reels(2, 1, 0, "date=2026-11-20&")[1].href, "?date=2026-11-20&from=1");
    }
}
