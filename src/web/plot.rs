//! Bars and lines as SVG, drawn on the server, each with the table behind it for those who read it otherwise. Colours come
//! from the style sheet; nothing is said by colour alone.

/// A plot: drawing and table of the same figures.
pub struct Plot {
    pub title: String,
    pub what: String,
    pub head: [String; 2],
    pub rows: Vec<(String, String)>,
    /// The inside of the `svg` element; made of numbers and of labels that were escaped here.
    pub svg: String,
    /// Nothing to draw yet.
    pub empty: bool,
}

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 36.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 8.0;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A round number at or above, for the axis.
fn ceiling(most: u32) -> u32 {
    let mut step = 1u32;
    loop {
        for times in [1, 2, 4, 5] {
            if let Some(n) = step.checked_mul(times).filter(|n| *n >= most.max(2)) {
                return n;
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => return u32::MAX,
        }
    }
}

fn axis(top: &str, middle: &str) -> String {
    let mut svg = String::new();
    for (share, label) in [(0.0, "0"), (0.5, middle), (1.0, top)] {
        let y = HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
        svg += &format!(
            "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            escaped(label)
        );
    }
    svg
}

/// One bar for each figure.
pub fn bars(title: &str, what: &str, first: &str, second: &str, figures: &[(String, u32)]) -> Plot {
    let most = ceiling(figures.iter().map(|f| f.1).max().unwrap_or(0));
    let half = if most.is_multiple_of(2) { (most / 2).to_string() } else { String::new() };
    let mut svg = axis(&most.to_string(), &half);
    let slot = (WIDTH - LEFT) / figures.len().max(1) as f64;
    for (n, (label, figure)) in figures.iter().enumerate() {
        let height = f64::from(*figure) / f64::from(most) * (HEIGHT - BOTTOM - TOP);
        let x = LEFT + slot * n as f64;
        let bar = (slot * 0.66).min(44.0);
        svg += &format!(
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{height:.1}\" rx=\"2\"/>",
            x + (slot - bar) / 2.0,
            HEIGHT - BOTTOM - height,
        );
        svg += &format!(
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x + slot / 2.0,
            HEIGHT - 6.0,
            escaped(label)
        );
        if *figure > 0 {
            svg += &format!(
                "<text class=\"value\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{figure}</text>",
                x + slot / 2.0,
                (HEIGHT - BOTTOM - height - 4.0).max(9.0),
            );
        }
    }
    Plot {
        title: title.into(),
        what: what.into(),
        head: [first.into(), second.into()],
        rows: figures.iter().map(|(label, figure)| (label.clone(), figure.to_string())).collect(),
        svg,
        empty: figures.iter().all(|f| f.1 == 0),
    }
}

/// A line of shares: (day, all, of those).
pub fn shares(title: &str, what: &str, figures: &[(String, u32, u32)]) -> Plot {
    let mut svg = axis("100%", "50%");
    let step = (WIDTH - LEFT - 16.0) / figures.len().saturating_sub(1).max(1) as f64;
    let mut points = Vec::new();
    for (n, (_, all, part)) in figures.iter().enumerate() {
        let share = f64::from(*part) / f64::from((*all).max(1));
        let x = if figures.len() == 1 { (LEFT + WIDTH) / 2.0 } else { LEFT + 8.0 + step * n as f64 };
        points.push((x, HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)));
    }
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    if points.len() > 1 {
        svg += &format!("<polyline class=\"line\" points=\"{}\"/>", path.join(" "));
    }
    for ((x, y), (day, all, part)) in points.iter().zip(figures) {
        svg += &format!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
        if figures.len() <= 8 || day == &figures[0].0 || Some(day) == figures.last().map(|f| &f.0) {
            let percent = f64::from(*part) / f64::from((*all).max(1)) * 100.0;
            let place = if *y < 24.0 { y + 16.0 } else { y - 8.0 };
            svg += &format!(
                "<text class=\"value\" x=\"{x:.1}\" y=\"{place:.1}\" text-anchor=\"middle\">{percent:.0}%</text>"
            );
            svg += &format!(
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - 6.0,
                escaped(day.get(5..).unwrap_or(day))
            );
        }
    }
    Plot {
        title: title.into(),
        what: what.into(),
        head: ["day".into(), "needed no person".into()],
        rows: figures.iter().map(|(day, all, part)| (day.clone(), format!("{part} of {all}"))).collect(),
        svg,
        empty: figures.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, want) in [(0, 2), (3, 4), (5, 5), (7, 10), (11, 20), (41, 50), (350, 400), (1001, 2000)] {
            assert_eq!(ceiling(most), want);
        }
    }

    #[test]
    fn labels_are_escaped() {
        let plot = bars("t", "w", "a", "b", &[("<script>".into(), 3)]);
        assert!(plot.svg.contains("&lt;script&gt;") && !plot.svg.contains("<script"));
    }
}
