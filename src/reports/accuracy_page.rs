//! The evaluation as a page to keep and to show: tables, the curve of risk over coverage, the worst pieces of images. What
//! was read right is masked even where the piece of an image shows it; the page is as private as the images.

use std::fmt::Write;

use super::accuracy::{Accuracy, Confusion, CurvePoint, Item, Outcome, Times, squeezed};

/// The page. `pictures`: for each of the worst items, the file of its picture beside the page, if there is one.
pub fn accuracy_page(found: &Accuracy, worst: &[(&Item, Option<String>)]) -> String {
    let mut page = String::new();
    let title = escaped(&found.title);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>body{{font:15px/1.4 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}}table{{border-collapse:collapse;margin:.6em 0}}td,th{{border:1px solid #bbb;padding:.2em .6em;text-align:right}}td:first-child,th:first-child{{text-align:left}}img{{max-width:100%;border:1px solid #bbb}}code{{font-size:1.1em}}.bad{{color:#a00}}</style></head><body>\n<h1>{title}</h1>\n"
    );
    let (read, floor) = (Times::of(&found.read_ms), Times::of(&found.floor_ms));
    let _ = writeln!(
        page,
        "<p>{} documents; {:.2} ms a document from bytes to reading (middle {:.2}, 95% under {:.2}, worst {:.2}); {:.2} ms for the same bytes to pixels alone.</p>",
        read.documents, read.mean, read.median, read.p95, read.most, floor.mean
    );
    for task in found.tasks() {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(task));
        page.push_str("<table><tr><th>which</th><th>items</th><th>read</th><th>substituted</th><th>rejected</th><th>likeliest is right</th></tr>\n");
        for row in found.rates(task) {
            let bad = if row.substituted.count > 0 { " class=\"bad\"" } else { "" };
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td{bad}>{} = {}</td><td>{}</td><td>{}</td></tr>",
                escaped(&row.name),
                row.items,
                row.read.text(),
                row.substituted.count,
                row.substituted.text(),
                row.rejected.text(),
                row.best_right.text()
            );
        }
        page.push_str("</table>\n");
        let curve = found.curve(task);
        if curve.len() > 1 {
            page.push_str(&risk_coverage_svg(task, &curve));
            let at = |risk: f64| found.coverage_at(task, risk) * 100.0;
            let _ = writeln!(
                page,
                "<p>By its own confidence alone, {:.1}% could be accepted with at most one in a thousand wrong, {:.1}% with one in a hundred.</p>",
                at(0.001),
                at(0.01)
            );
            page.push_str("<table><tr><th>said to be sure</th><th>items</th><th>said</th><th>right</th></tr>\n");
            for belief in found.beliefs(task) {
                let _ = writeln!(
                    page,
                    "<tr><td>{} to {}</td><td>{}</td><td>{:.2}%</td><td>{}</td></tr>",
                    belief.from,
                    belief.below,
                    belief.right.of,
                    belief.said * 100.0,
                    belief.right.text()
                );
            }
            page.push_str("</table>\n");
        }
        confusion_table(&mut page, &found.confusions(task));
    }
    if !found.warnings.is_empty() {
        page.push_str("<h2>Warnings</h2><table><tr><th>warning</th><th>raised where due</th><th>due among raised</th><th>false alarms</th></tr>\n");
        for row in found.warning_rates() {
            let of = |r: &super::accuracy::Rate| format!("{} of {}: {}", r.count, r.of, r.text());
            let cells = [&row.recall, &row.precision, &row.false_alarms].map(of);
            let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escaped(&row.name), cells.join("</td><td>"));
        }
        page.push_str("</table>\n");
    }
    if !worst.is_empty() {
        page.push_str("<h2>The worst</h2><p>Characters that agree are shown as a dot.</p>\n");
    }
    for (item, picture) in worst {
        let what = match item.outcome {
            Outcome::Substituted => "<b class=\"bad\">accepted and wrong</b>",
            Outcome::Rejected => "rejected",
            Outcome::Read => "read",
        };
        let sure = item.confidence.map(|c| format!(", {:.2}% sure", c * 100.0)).unwrap_or_default();
        let (want, got) = disagreement(&item.want, &item.got);
        let _ = writeln!(
            page,
            "<h3>{}: {}</h3><p>{what}{sure}; {}</p>\n<p>truth <code>{}</code><br>read&nbsp; <code>{}</code></p>",
            escaped(&item.file),
            escaped(&item.task),
            escaped(&item.labels.join(", ")),
            escaped(&want),
            escaped(&got)
        );
        if let Some(file) = picture {
            let _ = writeln!(page, "<p><img src=\"{}\" alt=\"the piece of the image\"></p>", escaped(file));
        }
    }
    if !found.left_out.is_empty() {
        page.push_str("<h2>Left out</h2><ul>\n");
        found.left_out.iter().for_each(|line| {
            let _ = writeln!(page, "<li>{}</li>", escaped(line));
        });
        page.push_str("</ul>\n");
    }
    page.push_str("</body></html>\n");
    page
}

/// Truth and reading with all that agrees made dots.
pub fn disagreement(want: &str, got: &str) -> (String, String) {
    let (a, b) = (squeezed(want), squeezed(got));
    if a.len() != b.len() {
        // Cut off what agrees at both ends; what lies between is shown.
        let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
        let most = a.len().min(b.len()) - head;
        let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count().min(most);
        let show = |text: &[char]| {
            let middle: String = text[head..text.len() - tail].iter().collect();
            format!("{}{middle}{}", "·".repeat(head), "·".repeat(tail))
        };
        return (show(&a), show(&b));
    }
    let masked = |x: &[char], y: &[char]| x.iter().zip(y).map(|(p, q)| if p == q { '·' } else { *p }).collect();
    (masked(&a, &b), masked(&b, &a))
}

fn confusion_table(page: &mut String, confusions: &[Confusion]) {
    if confusions.is_empty() {
        return;
    }
    let side = |pick: fn(&Confusion) -> Option<char>| {
        let mut all: Vec<Option<char>> = confusions.iter().map(pick).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (wants, gots) = (side(|c| c.0), side(|c| c.1));
    let show = |c: &Option<char>| c.map_or_else(|| "none".to_string(), |c| escaped(&c.to_string()));
    page.push_str("<table><tr><th>printed \\ read as</th>");
    gots.iter().for_each(|g| {
        let _ = write!(page, "<th>{}</th>", show(g));
    });
    page.push_str("</tr>\n");
    for want in &wants {
        let _ = write!(page, "<tr><td>{}</td>", show(want));
        for got in &gots {
            let n = confusions.iter().find(|c| (c.0, c.1) == (*want, *got)).map_or(0, |c| c.2);
            let _ = write!(page, "<td>{}</td>", if n == 0 { String::new() } else { n.to_string() });
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

/// The curve as a picture of its own: risk on a logarithmic scale, from one in ten thousand up.
pub fn risk_coverage_svg(task: &str, curve: &[CurvePoint]) -> String {
    const LEAST: f64 = 1e-4;
    let (left, top, wide, high) = (70.0, 30.0, 560.0, 260.0);
    let x = |coverage: f64| left + coverage * wide;
    let y = |risk: f64| top + high * (1.0 - (risk.max(LEAST) / LEAST).log10() / 4.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 660 340\" width=\"660\" height=\"340\" font-family=\"sans-serif\" font-size=\"12\"><text x=\"{left}\" y=\"18\">{}: wrong among accepted, by share accepted</text>\n",
        escaped(task)
    );
    for (risk, name) in [(1.0, "all"), (0.1, "1 in 10"), (0.01, "1 in 100"), (0.001, "1 in 1,000"), (LEAST, "none")] {
        let at = y(risk);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            left + wide,
            left - 6.0,
            at + 4.0
        );
    }
    for tenth in (0..=10).step_by(2) {
        let at = x(f64::from(tenth) / 10.0);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{:.1}\" stroke=\"#eee\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}%</text>",
            top + high,
            top + high + 18.0,
            tenth * 10
        );
    }
    let points: Vec<String> = curve.iter().map(|p| format!("{:.1},{:.1}", x(p.coverage), y(p.risk))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/></svg>",
        points.join(" ")
    );
    svg
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::accuracy::tests::item;
    use super::*;

    #[test]
    fn what_agrees_is_masked() {
        for (want, got, shown) in [
            ("1234", "1734", ("·2··", "·7··")),
            ("12 34", "1234", ("····", "····")),
            ("1234", "134", ("·2··", "···")),
            ("1134", "11134", ("····", "··1··")),
            ("1234", "", ("1234", "")),
        ] {
            let (a, b) = disagreement(want, got);
            assert_eq!((a.as_str(), b.as_str()), shown, "{want} {got}");
        }
    }

    #[test]
    fn the_page_holds_rates_and_pictures_and_escapes_what_it_shows() {
        let items = vec![
            item("12345678", "12345678", Outcome::Read, 0.99),
            item("12345679", "12345670", Outcome::Substituted, 0.97),
            item("<b>&", "", Outcome::Rejected, 0.1),
        ];
        let found = Accuracy { title: "a <scanner>".into(), items, ..Accuracy::default() };
        let worst: Vec<(&Item, Option<String>)> =
            found.worst(5).into_iter().map(|i| (i, Some("worst-1.png".into()))).collect();
        let page = accuracy_page(&found, &worst);
        for part in ["a &lt;scanner&gt;", "33.3%", "worst-1.png", "<polyline", "accepted and wrong", "·······9"]
        {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("12345678") && !page.contains("<b>&"), "{page}");
    }
}
