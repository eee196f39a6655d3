//! The deck printed at true size, so that an office can feed it through its own scanner: letter pages, as many pieces as fit
//! one below the other, cut marks, the backs on the next page for printing on both sides (flipped on the long edge).
//! Strokes and areas go to the page as they are, without pixels.

use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref};

use super::plan::Plan;
use super::sheet::{Shape, Sheet};
use super::sides;

const WIDTH: f32 = 8.5;
const HEIGHT: f32 = 11.0;
const POINTS: f32 = 72.0;

/// One PDF with every piece of the plan, in order.
pub fn pdf(plan: &Plan) -> Vec<u8> {
    let mut pages: Vec<Vec<u8>> = Vec::new();
    let mut fronts: Vec<(f32, Sheet)> = Vec::new();
    let mut backs: Vec<(f32, Sheet)> = Vec::new();
    let mut foot = HEIGHT - 0.2;
    let pieces = plan.trays.iter().flat_map(|t| &t.pieces).filter(|p| p.duplicate_of.is_none());
    for piece in pieces {
        let (front, back) = sides(&piece.paper);
        if foot - front.height < 0.1 && !fronts.is_empty() {
            pages.push(page(&fronts, false));
            pages.push(page(&backs, true));
            fronts.clear();
            backs.clear();
            foot = HEIGHT - 0.2;
        }
        foot -= front.height;
        fronts.push((foot, front));
        backs.push((foot, back));
        foot -= 0.05;
    }
    if !fronts.is_empty() {
        pages.push(page(&fronts, false));
        pages.push(page(&backs, true));
    }
    document(&pages)
}

fn document(pages: &[Vec<u8>]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let page_ref = |n: usize| Ref::new(3 + 2 * n as i32);
    let content_ref = |n: usize| Ref::new(4 + 2 * n as i32);
    let mut root = pdf.catalog(catalog);
    root.pages(tree);
    // A viewer that fits pages to the paper would shrink the magnetic line.
    root.viewer_preferences().pair(Name(b"PrintScaling"), Name(b"None"));
    root.finish();
    pdf.pages(tree).kids((0..pages.len()).map(page_ref)).count(pages.len() as i32);
    for (n, content) in pages.iter().enumerate() {
        let mut page = pdf.page(page_ref(n));
        page.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH * POINTS, HEIGHT * POINTS)).contents(content_ref(n));
        page.resources();
        page.finish();
        pdf.stream(content_ref(n), content);
    }
    pdf.finish()
}

/// One page of pieces, each with its left foot at the paper's left edge; the backs at its right edge.
fn page(pieces: &[(f32, Sheet)], is_back: bool) -> Vec<u8> {
    let mut content = Content::new();
    content.transform([POINTS, 0.0, 0.0, POINTS, 0.0, 0.0]);
    content.set_line_cap(LineCapStyle::RoundCap).set_line_join(LineJoinStyle::RoundJoin);
    for (foot, sheet) in pieces {
        let left = if is_back { WIDTH - sheet.width } else { 0.0 };
        content.save_state();
        content.rect(left, *foot, sheet.width, sheet.height).clip_nonzero().end_path();
        for mark in &sheet.marks {
            let at = |p: &[f32; 2]| (tidy(left + p[0]), tidy(foot + sheet.height - p[1]));
            let gray = (f32::from(mark.ink) / 255.0 * 100.0).round() / 100.0;
            match &mark.shape {
                Shape::Stroke { points, width } => {
                    content.set_stroke_gray(gray).set_line_width(tidy(*width));
                    for (n, p) in points.iter().enumerate() {
                        let (x, y) = at(p);
                        if n == 0 {
                            content.move_to(x, y)
                        } else {
                            content.line_to(x, y)
                        };
                    }
                    content.stroke();
                }
                Shape::Area(outlines) => {
                    content.set_fill_gray(gray);
                    for outline in outlines {
                        for (n, p) in outline.iter().enumerate() {
                            let (x, y) = at(p);
                            if n == 0 {
                                content.move_to(x, y)
                            } else {
                                content.line_to(x, y)
                            };
                        }
                        content.close_path();
                    }
                    content.fill_nonzero();
                }
            }
        }
        content.restore_state();
        if !is_back {
            cut_marks(&mut content, left, *foot, sheet);
        }
    }
    content.finish().to_vec()
}

/// Ticks of a hair's width where the knife goes: at the corners, outside the piece.
fn cut_marks(content: &mut Content, left: f32, foot: f32, sheet: &Sheet) {
    content.set_stroke_gray(0.4).set_line_width(0.003);
    let (right, top) = (left + sheet.width, foot + sheet.height);
    for y in [foot, top] {
        if right < WIDTH {
            content.move_to(right, y).line_to((right + 0.25).min(WIDTH), y).stroke();
        } else {
            content.move_to(left, y).line_to(left + 0.12, y).move_to(right - 0.12, y).line_to(right, y).stroke();
        }
        if right < WIDTH {
            let (from, to) = if y == foot { (y - 0.02, y) } else { (y, y + 0.04) };
            content.move_to(right, from).line_to(right, to).stroke();
        }
    }
}

/// Four places: a ten-thousandth of an inch is finer than any press.
fn tidy(inches: f32) -> f32 {
    (inches * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Day;

    #[test]
    fn pages_come_in_pairs_and_repeat() {
        let plan = super::super::plan(8, 4, Day::new(2026, 11, 20).unwrap());
        let bytes = pdf(&plan);
        assert!(bytes == pdf(&plan));
        let text = String::from_utf8_lossy(&bytes);
        let pages = text.matches("/Type /Page\n").count() + text.matches("/Type/Page\n").count();
        assert!(pages >= 4 && pages.is_multiple_of(2), "{pages} pages");
        assert!(text.contains("612 792"));
    }
}
