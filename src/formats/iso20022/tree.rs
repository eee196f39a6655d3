//! XML as it streams by, one event after another, with limits: no document type, no entities but the five of XML, 64 levels,
//! no single piece over 1 MiB. Names are local names; blanks around text are left out.

use std::io::{BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::formats::fault::{Fault, clip};

const DEEPEST: usize = 64;
/// One tag or one run of text.
const LONGEST: usize = 1 << 20;

/// Refuses to hand out more than `LONGEST` bytes for one event.
struct Limited<'r> {
    inner: BufReader<&'r mut dyn Read>,
    since: usize,
}

impl Read for Limited<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let have = self.fill_buf()?;
        let count = have.len().min(into.len());
        into[..count].copy_from_slice(&have[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Limited<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.since > LONGEST {
            return Err(std::io::Error::other("a tag or text of more than 1 MiB"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.since += count;
        self.inner.consume(count);
    }
}

/// What comes by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// Local name and attributes that are asked for.
    Open {
        name: String,
        namespace: Option<String>,
        currency: Option<String>,
    },
    /// An element has closed, with its own text.
    Close {
        name: String,
        text: String,
    },
    End,
}

pub struct Tree<'r> {
    reader: Reader<Limited<'r>>,
    buffer: Vec<u8>,
    /// Open elements with the text that stood in each.
    open: Vec<(String, String)>,
    pending_close: bool,
    seen: bool,
}

impl<'r> Tree<'r> {
    pub fn new(source: &'r mut dyn Read) -> Self {
        let inner = BufReader::with_capacity(64 << 10, source);
        let mut reader = Reader::from_reader(Limited { inner, since: 0 });
        reader.config_mut().expand_empty_elements = false;
        Tree { reader, buffer: Vec::new(), open: Vec::new(), pending_close: false, seen: false }
    }

    /// Byte offset of what comes next.
    pub fn offset(&self) -> u64 {
        self.reader.buffer_position()
    }

    fn wrong(&self, code: &'static str, message: impl Into<String>) -> Fault {
        Fault::error(code, message).offset(self.offset())
    }

    fn close(&mut self) -> Node {
        match self.open.pop() {
            Some((name, text)) => Node::Close { name, text: text.trim().to_string() },
            None => Node::End,
        }
    }

    pub fn next(&mut self) -> Result<Node, Fault> {
        if std::mem::take(&mut self.pending_close) {
            return Ok(self.close());
        }
        loop {
            self.buffer.clear();
            self.reader.get_mut().since = 0;
            let at = self.reader.buffer_position();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(cause) => {
                    let message = format!("not well-formed XML: {}", clip(&cause.to_string()));
                    return Err(Fault::error("xml", message).offset(at));
                }
            };
            match event {
                Event::Start(tag) | Event::Empty(tag) if self.open.len() >= DEEPEST => {
                    let name = tag.local_name().as_ref().to_string();
                    let message = format!("more than {DEEPEST} levels, at {}", clip(&name));
                    return Err(Fault::error("limit", message).offset(at));
                }
                Event::Start(ref tag) | Event::Empty(ref tag) => {
                    let (mut namespace, mut currency) = (None, None);
                    let prefix = tag.name().prefix().map(|p| format!("xmlns:{}", p.as_ref()));
                    for attribute in tag.attributes().flatten().take(64) {
                        let key = attribute.key.as_ref();
                        let value = attribute.value.to_string();
                        if key == "Ccy" {
                            currency = Some(value);
                        } else if key == prefix.as_deref().unwrap_or("xmlns") {
                            namespace = Some(value);
                        }
                    }
                    let name = tag.local_name().as_ref().to_string();
                    let empty = matches!(event, Event::Empty(_));
                    self.seen = true;
                    self.pending_close = empty;
                    self.open.push((name.clone(), String::new()));
                    return Ok(Node::Open { name, namespace, currency });
                }
                Event::End(_) => return Ok(self.close()),
                Event::Text(text) => {
                    if let Some((_, own)) = self.open.last_mut()
                        && own.len() + text.len() <= LONGEST
                    {
                        own.push_str(&text);
                    } else if self.open.is_empty() && !text.trim().trim_start_matches('\u{feff}').is_empty() {
                        return Err(Fault::error("xml", "text outside of the document").offset(at));
                    }
                }
                Event::CData(text) => {
                    if let Some((_, own)) = self.open.last_mut()
                        && own.len() + text.len() <= LONGEST
                    {
                        own.push_str(&text);
                    }
                }
                Event::GeneralRef(name) => {
                    let named = match &*name {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => name.resolve_char_ref().ok().flatten(),
                    };
                    match (named, self.open.last_mut()) {
                        (Some(c), Some((_, own))) => own.push(c),
                        _ => {
                            let message = format!("the entity '{}' is refused", clip(&name));
                            return Err(Fault::error("entity", message).offset(at));
                        }
                    }
                }
                Event::DocType(_) => {
                    return Err(Fault::error("doctype", "a document type declaration (DTD) is refused").offset(at));
                }
                Event::Eof => {
                    if !self.open.is_empty() {
                        let name = self.open.last().map_or("", |(n, _)| n.as_str()).to_string();
                        return Err(self.wrong("cut", format!("the file ends inside of {}", clip(&name))));
                    }
                    if !self.seen {
                        return Err(self.wrong("empty", "there is no element in the file"));
                    }
                    return Ok(Node::End);
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            }
        }
    }
}
