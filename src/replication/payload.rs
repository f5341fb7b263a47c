//! Receives a snapshot in either form: its length ahead of it, or a mark behind it.
//!
//! Nothing is buffered here. What cannot be judged yet (half a head line, or bytes that may be the
//! beginning of the mark) is left to the caller, who brings it again with more behind it.

mod mark;

use mark::{MARK_BYTES, Mark};

/// The longest head line, with its end.
const HEAD_BYTES_MAX: usize = 4 * 1024;
/// More than any snapshot has.
const TOTAL_BYTES_MAX: u64 = 1 << 48;
/// How much of a line is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// A snapshot on its way, from its head line on.
#[derive(Debug)]
pub struct Payload {
    form: Form,
    received: u64,
}

/// How the end of it is told.
#[derive(Debug)]
enum Form {
    /// That is yet to come.
    Unknown,
    /// `$<length>`
    Counted { total: u64 },
    /// `$EOF:<mark>`
    Marked(Box<Mark>),
    /// By the mark, which has come.
    Ended,
}

/// What some input came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken<'i> {
    /// How much of the input is done with; the rest is to be brought again, with more behind it.
    pub consumed: usize,
    /// The part of the input that belongs to the snapshot.
    pub data: &'i [u8],
    /// How far it is now.
    pub state: PayloadState,
}

/// How far the snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadState {
    /// The head line is not there yet.
    Head,
    /// There is more to come.
    Data,
    /// All of it was handed out; what follows is not part of it.
    Done,
}

/// Why what comes is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The primary has none.
    #[error("the primary cannot send a snapshot: {0}; its log tells why")]
    Refused(String),
    /// Neither a length nor a mark.
    #[error("where a snapshot should begin the primary sent \"{0}\"")]
    Head(String),
    /// A line without an end.
    #[error("where a snapshot should begin a line of more than {HEAD_BYTES_MAX} bytes came")]
    HeadTooLong,
    /// A snapshot has a header at least, and has to fit somewhere.
    #[error("the primary announced a snapshot of {0} bytes")]
    Length(u64),
    /// The mark does not come.
    #[error("the snapshot has no end within {TOTAL_BYTES_MAX} bytes")]
    Endless,
}

impl Default for Payload {
    fn default() -> Self {
        Self::new()
    }
}

impl Payload {
    /// Begins before the head line.
    pub fn new() -> Self {
        Self { form: Form::Unknown, received: 0 }
    }

    /// Takes what `input` has, which begins where what was taken before ended.
    ///
    /// Once it is [`Done`](PayloadState::Done) nothing more is taken.
    pub fn take<'i>(&mut self, input: &'i [u8]) -> Result<Taken<'i>, PayloadError> {
        let mut begin = 0;
        if matches!(self.form, Form::Unknown) {
            // Line feeds before the head are signs of life.
            begin = input.iter().take_while(|byte| **byte == b'\n').count();
            let Some(line) = head_line(&input[begin..])? else {
                return Ok(Taken { consumed: begin, data: &[], state: PayloadState::Head });
            };
            self.form = form(line)?;
            begin += line.len() + b"\r\n".len();
        }
        let rest = &input[begin..];
        let (data, mark) = self.extent(rest);
        self.received += data as u64;
        if mark > 0 {
            self.form = Form::Ended;
        } else if self.received > TOTAL_BYTES_MAX {
            return Err(PayloadError::Endless);
        }
        Ok(Taken { consumed: begin + data + mark, data: &rest[..data], state: self.state() })
    }

    /// How much at the beginning of `input` is part of the snapshot, and of the mark behind it.
    fn extent(&self, input: &[u8]) -> (usize, usize) {
        match &self.form {
            Form::Unknown | Form::Ended => (0, 0),
            Form::Counted { total } => {
                let left = usize::try_from(total - self.received).unwrap_or(usize::MAX);
                (input.len().min(left), 0)
            }
            Form::Marked(mark) => match mark.find(input) {
                Some(at) => (at, MARK_BYTES),
                None => (input.len() - mark.begun(input), 0),
            },
        }
    }

    fn state(&self) -> PayloadState {
        match self.form {
            Form::Unknown => PayloadState::Head,
            Form::Counted { total } if total == self.received => PayloadState::Done,
            Form::Counted { .. } | Form::Marked(_) => PayloadState::Data,
            Form::Ended => PayloadState::Done,
        }
    }

    /// How long it is, if that was told.
    pub fn total(&self) -> Option<u64> {
        match self.form {
            Form::Counted { total } => Some(total),
            Form::Unknown | Form::Marked(_) | Form::Ended => None,
        }
    }

    /// How much of it was handed out.
    pub fn received(&self) -> u64 {
        self.received
    }
}

/// Finds the head line without its end, if all of it is there.
fn head_line(input: &[u8]) -> Result<Option<&[u8]>, PayloadError> {
    let window = &input[..input.len().min(HEAD_BYTES_MAX)];
    match window.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = window[..end].strip_suffix(b"\r");
            line.map(Some).ok_or_else(|| PayloadError::Head(shown(&window[..end])))
        }
        None if input.len() >= HEAD_BYTES_MAX => Err(PayloadError::HeadTooLong),
        None => Ok(None),
    }
}

fn form(line: &[u8]) -> Result<Form, PayloadError> {
    let head = || PayloadError::Head(shown(line));
    if let Some(text) = line.strip_prefix(b"-") {
        return Err(PayloadError::Refused(shown(text)));
    }
    let rest = line.strip_prefix(b"$").ok_or_else(head)?;
    if let Some(mark) = rest.strip_prefix(b"EOF:") {
        let mark = mark.try_into().map_err(|_| head())?;
        return Ok(Form::Marked(Box::new(Mark::new(mark))));
    }
    if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
        return Err(head());
    }
    let total = std::str::from_utf8(rest).ok().and_then(|digits| digits.parse().ok());
    match total.ok_or_else(head)? {
        total @ 1..=TOTAL_BYTES_MAX => Ok(Form::Counted { total }),
        total => Err(PayloadError::Length(total)),
    }
}

/// The beginning of a line, fit for the text log.
fn shown(line: &[u8]) -> String {
    line[..line.len().min(SHOWN_BYTES_MAX)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests;
