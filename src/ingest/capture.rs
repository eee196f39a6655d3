//! A folder from a capture station: `index.csv` and the images that it names, or bare images in name order (`NNNN_F`,
//! `NNNN_B`). Refused: a folder whose images are not all there yet, and any name that could leave the folder.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Control, ImageRole};
use crate::formats::capture_index;
use crate::formats::fault::{Fault, clip};

use super::{ImageSource, Intake, IntakeDocument, IntakeError, SourceKind, fingerprint};

/// Image files that a folder may hold, by the end of their names.
const IMAGE_ENDINGS: [&str; 7] = [".tif", ".tiff", ".jpg", ".jpeg", ".jpe", ".png", ".jfif"];

/// A relative name with `/` between its parts, or `None` where it could leave the folder or is no name: absolute, `..`, a
/// drive, a control character, an empty part, longer than 255 bytes.
pub fn safe_name(name: &str) -> Option<String> {
    let name = name.trim().replace('\\', "/");
    let part_is_safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(':');
    let name = name.strip_prefix("./").unwrap_or(&name);
    let safe = name.len() <= 255 && !name.chars().any(char::is_control) && name.split('/').all(part_is_safe);
    safe.then(|| name.to_string())
}

/// The files of a folder by name, whatever the case.
struct Listing<'a> {
    exact: BTreeMap<&'a str, u64>,
    lower: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Listing<'a> {
    fn new(files: &'a [(String, u64)]) -> Self {
        let exact = files.iter().map(|(name, size)| (name.as_str(), *size)).collect();
        let mut lower: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, _) in files {
            lower.entry(name.to_lowercase()).or_default().push(name);
        }
        Listing { exact, lower }
    }

    /// The file's own name and size: the same name, or the only one that differs in case.
    fn find(&self, name: &str) -> Option<(&'a str, u64)> {
        if let Some((name, size)) = self.exact.get_key_value(name) {
            return Some((name, *size));
        }
        match self.lower.get(&name.to_lowercase()).map(Vec::as_slice) {
            Some([only]) => Some((only, self.exact.get(only).copied().unwrap_or(0))),
            _ => None,
        }
    }
}

fn is_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    IMAGE_ENDINGS.iter().any(|end| name.ends_with(end))
}

/// Takes a folder with an index. `files`: every file of the folder, its name relative to the folder with `/` between the
/// parts, and its size in bytes.
pub fn capture_folder(index: &[u8], files: &[(String, u64)]) -> Result<Intake, IntakeError> {
    let index = capture_index::read(index).map_err(IntakeError::Refused)?;
    if index.rows.is_empty() {
        return Err(IntakeError::Empty);
    }
    let listing = Listing::new(files);
    let mut problems = index.faults;
    let mut missing = Vec::new();
    let mut used: BTreeMap<String, u64> = BTreeMap::new();
    let mut documents = Vec::with_capacity(index.rows.len());
    let mut parts = Vec::with_capacity(index.rows.len());
    let mut rows = index.rows;
    rows.sort_by_key(|row| row.seq);
    for row in rows {
        let named = [
            (ImageRole::Front, Some(row.front)),
            (ImageRole::Back, row.back),
            (ImageRole::FrontGray, row.front_gray),
            (ImageRole::BackGray, row.back_gray),
        ];
        let mut images = Vec::new();
        let mut sizes = Vec::new();
        for (role, name) in named {
            let Some(name) = name else { continue };
            let unsafe_name = || IntakeError::UnsafeName { name: clip(&name), line: row.line };
            let name = safe_name(&name).ok_or_else(unsafe_name)?;
            let Some((name, size)) = listing.find(&name) else {
                missing.push(name);
                continue;
            };
            if let Some(line) = used.insert(name.to_string(), row.line) {
                let message = format!("the image '{}' belongs to the document of line {line} already", clip(name));
                problems.push(Fault::error("image-twice", message).line(row.line));
            }
            if size == 0 {
                let message = format!("the image '{}' is empty", clip(name));
                problems.push(Fault::warning("image-empty", message).line(row.line));
            }
            sizes.push(size);
            images.push((role, ImageSource::Named(name.to_string())));
        }
        parts.push(format!("{:?} {:?} {:?}", row.micr, row.amount, sizes));
        let claims = [(ImageRole::Front, row.sha256_front), (ImageRole::Back, row.sha256_back)];
        documents.push(IntakeDocument {
            seq: row.seq,
            kind_hint: row.kind,
            images,
            dpi: row.dpi,
            station_micr: row.micr,
            station_amount: row.amount,
            claims: claims.into_iter().filter_map(|(role, hash)| Some((role, hash?))).collect(),
            ..IntakeDocument::default()
        });
    }
    if !missing.is_empty() {
        return Err(IntakeError::StillFilling { missing });
    }
    for (name, _) in files.iter().filter(|(name, _)| is_image(name) && !used.contains_key(name)) {
        let message = format!("the image '{}' is in the folder but not in the index", clip(name));
        problems.push(Fault::warning("image-not-in-index", message));
    }
    Ok(Intake {
        kind: SourceKind::CaptureFolder,
        name: index.batch,
        control: Control { count: index.count, total: index.total, counts_documents: false },
        origin: None,
        date: None,
        business_fingerprint: fingerprint(SourceKind::CaptureFolder, parts),
        documents,
        problems,
    })
}

/// Takes a folder without an index: images in name order. `NNNN_F` and `NNNN_B` (or `-F`, `_front`, `_back`) are the sides
/// of one document; a bitonal and a gray picture of one side differ in their endings; any other image is a front by itself.
pub fn bare_folder(files: &[(String, u64)]) -> Result<Intake, IntakeError> {
    let mut names: Vec<(String, u64)> = Vec::new();
    for (name, size) in files.iter().filter(|(name, _)| is_image(name)) {
        let unsafe_name = || IntakeError::UnsafeName { name: clip(name), line: 0 };
        names.push((safe_name(name).ok_or_else(unsafe_name)?, *size));
    }
    names.sort_by_cached_key(|(name, _)| natural(name));
    let mut sheets: Vec<(String, IntakeDocument)> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut fronts = BTreeSet::new();
    let mut parts = Vec::new();
    for (name, _) in &names {
        let (sheet, _) = side_of(stem_of(name));
        place.entry(sheet.clone()).or_insert_with(|| {
            sheets.push((sheet, IntakeDocument::default()));
            sheets.len() - 1
        });
    }
    // Bitonal pictures first: a gray one beside them is the gray side, alone it is the side itself.
    let gray = |name: &str| !name.to_ascii_lowercase().contains(".tif");
    names.sort_by_key(|(name, _)| gray(name));
    for (name, size) in names {
        let (sheet, back) = side_of(stem_of(&name));
        let Some(document) = place.get(&sheet).and_then(|at| sheets.get_mut(*at)) else { continue };
        let images = &mut document.1.images;
        let has = |role: ImageRole| images.iter().any(|(r, _)| *r == role);
        let role = match (back, gray(&name)) {
            (false, true) if has(ImageRole::Front) => ImageRole::FrontGray,
            (true, true) if has(ImageRole::Back) => ImageRole::BackGray,
            (false, _) => ImageRole::Front,
            (true, _) => ImageRole::Back,
        };
        if has(role) {
            let message = format!("'{}' is a second {} of one document", clip(&name), role.as_str());
            problems.push(Fault::error("image-twice", message));
            continue;
        }
        if role == ImageRole::Front {
            fronts.insert(sheet);
        }
        if size == 0 {
            problems.push(Fault::warning("image-empty", format!("the image '{}' is empty", clip(&name))));
        }
        images.push((role, ImageSource::Named(name)));
        parts.push(format!("{role:?} {size}"));
    }
    if sheets.is_empty() {
        return Err(IntakeError::Empty);
    }
    let mut documents = Vec::with_capacity(sheets.len());
    for (seq, (sheet, mut document)) in (1..).zip(sheets) {
        if !fronts.contains(&sheet) {
            problems.push(Fault::warning("front-missing", format!("'{}' has no front image", clip(&sheet))));
        }
        document.seq = seq;
        document.images.sort_by_key(|(role, _)| *role);
        documents.push(document);
    }
    Ok(Intake {
        kind: SourceKind::BareFolder,
        name: None,
        control: Control::default(),
        origin: None,
        date: None,
        business_fingerprint: fingerprint(SourceKind::BareFolder, parts),
        documents,
        problems,
    })
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The sheet's own part of a name, and whether it says back.
fn side_of(stem: &str) -> (String, bool) {
    let lower = stem.to_ascii_lowercase();
    for (end, back) in [("front", false), ("back", true), ("rear", true), ("f", false), ("b", true), ("r", true)] {
        if let Some(rest) = lower.strip_suffix(end)
            && (rest.ends_with(['_', '-', '.', ' '])
                || (end.len() == 1 && rest.ends_with(|c: char| c.is_ascii_digit())))
        {
            let sheet = &stem[..rest.len()];
            return (sheet.trim_end_matches(['_', '-', '.', ' ']).to_string(), back);
        }
    }
    (stem.to_string(), false)
}

/// Key that puts `2_F` before `10_F`: runs of digits compare by length after their leading zeros are gone.
fn natural(name: &str) -> Vec<(usize, String)> {
    let mut key: Vec<(usize, String)> = Vec::new();
    let mut digits = false;
    for c in name.chars() {
        if key.is_empty() || digits != c.is_ascii_digit() {
            digits = c.is_ascii_digit();
            key.push((0, String::new()));
        }
        if let Some((length, run)) = key.last_mut() {
            if digits && c == '0' && run.is_empty() {
                continue;
            }
            run.push(c);
            *length = if digits { run.len() } else { usize::MAX };
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cents, Sha256};

    fn files(names: &[&str]) -> Vec<(String, u64)> {
        names.iter().map(|n| (n.to_string(), 100)).collect()
    }

    fn named(intake: &Intake) -> Vec<Vec<(ImageRole, String)>> {
        let name = |source: &ImageSource| match source {
            ImageSource::Named(name) => name.clone(),
            ImageSource::Range { .. } => panic!("a folder has no ranges"),
        };
        intake.documents.iter().map(|d| d.images.iter().map(|(r, s)| (*r, name(s))).collect()).collect()
    }

    #[test]
    fn a_folder_with_its_index() {
        let hash = Sha256::of(b"front");
        let index = format!(
            "seq,front,back,front_gray,dpi,micr,amount,sha256_front,batch,count,total\n\
             2,B_F.TIF,,,200,,,,b7,1,12.00\n1,a_F.tif,a_B.tif,a_F.jpg,200,A061000146A 12C,12.00,{hash},b7,1,12.00\n"
        );
        let listing = files(&["a_F.tif", "a_B.tif", "a_F.jpg", "b_f.tif", "index.csv", "stray.tif"]);
        let intake = capture_folder(index.as_bytes(), &listing).unwrap();
        assert_eq!(intake.name.as_deref(), Some("b7"));
        assert_eq!((intake.control.count, intake.control.total), (Some(1), Some(Cents::new(1200))));
        assert_eq!(intake.documents.iter().map(|d| d.seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(intake.documents[0].claims, [(ImageRole::Front, hash)]);
        assert_eq!(named(&intake)[1], [(ImageRole::Front, "b_f.tif".to_string())]);
        assert_eq!(intake.problems.iter().map(|p| p.code).collect::<Vec<_>>(), ["image-not-in-index"]);
    }

    #[test]
    fn a_folder_that_is_still_being_filled_is_not_read() {
        let missing = capture_folder(b"seq,front,back\n1,a.tif,b.tif\n", &files(&["a.tif"])).unwrap_err();
        assert_eq!(missing, IntakeError::StillFilling { missing: vec!["b.tif".into()] });
        assert_eq!(capture_folder(b"seq,front\n", &[]).unwrap_err(), IntakeError::Empty);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        for bad in ["../a.tif", "/etc/a.tif", "a/../../b.tif", "c:\\a.tif", "a\u{7}.tif", "a//b.tif", "..\\a.tif"] {
            let index = format!("seq,front\n1,\"{bad}\"\n");
            let refused = capture_folder(index.as_bytes(), &files(&["a.tif"]));
            assert!(matches!(refused, Err(IntakeError::UnsafeName { line: 2, .. })), "{bad} {refused:?}");
        }
        assert_eq!(safe_name("images\\1.tif").as_deref(), Some("images/1.tif"));
        assert_eq!(safe_name(&"x".repeat(256)), None);
    }

    #[test]
    fn bare_images_in_name_order() {
        let intake =
            bare_folder(&files(&["10_F.jpg", "2_B.tif", "2_F.tif", "2_F.jpg", "x.png", "note.txt", "10_B.jpg"]))
                .unwrap();
        use ImageRole::*;
        let expected = [
            vec![(Front, "2_F.tif"), (Back, "2_B.tif"), (FrontGray, "2_F.jpg")],
            vec![(Front, "10_F.jpg"), (Back, "10_B.jpg")],
            vec![(Front, "x.png")],
        ];
        let expected: Vec<Vec<_>> =
            expected.into_iter().map(|d| d.into_iter().map(|(r, n)| (r, n.to_string())).collect()).collect();
        assert_eq!(named(&intake), expected);
        assert!(intake.problems.is_empty(), "{:?}", intake.problems);
        assert_eq!(bare_folder(&files(&["note.txt"])).unwrap_err(), IntakeError::Empty);
    }
}
