//! The way of one document from pixels to text as a page for people: pictures with boxes on them, and the reading. Shows what
//! stands on the paper, account numbers too: it is as private as the image.

use std::fmt::Write;

use super::accuracy_page::escaped;
use crate::decode::trace::{Picture, Trace};

/// `files`: the file of each picture, beside the page.
pub fn trace_page(trace: &Trace, files: &[String]) -> String {
    let title = escaped(&trace.reading.file);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>body{{font:15px/1.4 sans-serif;margin:1.5em}}svg{{max-width:100%;height:auto;border:1px solid #bbb}}pre{{white-space:pre-wrap;background:#f4f4f4;padding:1em}}</style></head><body>\n<h1>{title}</h1>\n"
    );
    let reading = &trace.reading;
    let _ = writeln!(
        page,
        "<p>{} ({:.1}% sure), turned {} degrees{}, slant {:.2} degrees, {} dots an inch, {:.1} ms.</p>",
        reading.kind.as_str(),
        reading.kind_confidence * 100.0,
        reading.rotation,
        if reading.mirrored { ", mirrored" } else { "" },
        reading.skew_deg,
        reading.dpi,
        reading.ms
    );
    for problem in &reading.problems {
        let _ = writeln!(page, "<p><b>{}</b>: {}</p>", problem.code, escaped(&problem.message));
    }
    if !trace.tried.is_empty() {
        page.push_str("<h2>Looked at</h2><ol>\n");
        trace.tried.iter().for_each(|line| {
            let _ = writeln!(page, "<li>{}</li>", escaped(line));
        });
        page.push_str("</ol>\n");
    }
    for (n, (picture, file)) in trace.pictures.iter().zip(files).enumerate() {
        let _ = writeln!(page, "<h2>{}. {}</h2>\n<p>{}</p>", n + 1, picture.name, escaped(&picture.says));
        page.push_str(&overlay(picture, file));
    }
    let text = serde_json::to_string_pretty(reading).unwrap_or_default();
    let _ = writeln!(page, "<h2>The reading</h2><pre>{}</pre></body></html>", escaped(&text));
    page
}

fn overlay(picture: &Picture, file: &str) -> String {
    let (wide, high) = (picture.gray.width(), picture.gray.height());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" font-family=\"sans-serif\"><image href=\"{}\" width=\"{wide}\" height=\"{high}\"/>\n",
        escaped(file)
    );
    for mark in &picture.marks {
        let sure = mark.sure.clamp(0.0, 1.0);
        let (red, green) = ((200.0 * (1.0 - sure)) as u8 + 20, (140.0 * sure) as u8);
        let area = mark.area;
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"rgb({red},{green},40)\" stroke-width=\"1.5\"/><text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"rgb({red},{green},40)\">{}</text>",
            area.x,
            area.y,
            area.w.max(1),
            area.h.max(1),
            area.x,
            area.y - 3,
            if area.w < 80 { 9 } else { 16 },
            escaped(&mark.label)
        );
    }
    svg.push_str("</svg>\n");
    svg
}
