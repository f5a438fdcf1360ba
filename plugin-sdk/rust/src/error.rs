// SPDX-License-Identifier: Apache-2.0
// Errors: what plugins answer with, and what the host answers.

use crate::sys::*;
use std::fmt;
use std::time::Duration;

/// Why something was refused or failed; the ABI's negative statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Bad input.
    Invalid,
    /// No such capability.
    Unsupported,
    /// The handle's object is gone.
    Stale,
    /// A limit was reached.
    Busy,
    /// Not allowed.
    Denied,
    /// The deadline passed.
    Timeout,
    /// The peer, process or instance went away.
    Gone,
    /// A defect or an unexpected failure.
    Fault,
}

impl Status {
    /// The ABI's number.
    pub fn code(self) -> i32 {
        match self {
            Status::Invalid => JF_E_INVALID,
            Status::Unsupported => JF_E_UNSUPPORTED,
            Status::Stale => JF_E_STALE,
            Status::Busy => JF_E_BUSY,
            Status::Denied => JF_E_DENIED,
            Status::Timeout => JF_E_TIMEOUT,
            Status::Gone => JF_E_GONE,
            Status::Fault => JF_E_FAULT,
        }
    }

    /// The status of an ABI number; numbers that are not known here are faults.
    pub fn from_code(code: i32) -> Status {
        match code {
            JF_E_INVALID => Status::Invalid,
            JF_E_UNSUPPORTED => Status::Unsupported,
            JF_E_STALE => Status::Stale,
            JF_E_BUSY => Status::Busy,
            JF_E_DENIED => Status::Denied,
            JF_E_TIMEOUT => Status::Timeout,
            JF_E_GONE => Status::Gone,
            _ => Status::Fault,
        }
    }
}

/// An error with a sentence for people: what happened, where, what to do.
///
/// The sentence goes to the gateway's log. The MCP client reads it only where [`public`](Error::public) says
/// so, as it does for [`Error::invalid`] and [`Error::tool`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    text: String,
    flags: u32,
    retry_ms: u32,
    is_tool_failure: bool,
}

impl Error {
    /// An error of this status. Not public.
    pub fn new(status: Status, text: impl Into<String>) -> Error {
        Error { status, text: text.into(), flags: 0, retry_ms: 0, is_tool_failure: false }
    }

    /// The caller sent something wrong: "invalid params", with this text for the client to read.
    pub fn invalid(text: impl Into<String>) -> Error {
        Error::new(Status::Invalid, text).public()
    }

    /// The tool could not do its job. That is an answer (`isError`), which the model reads and can act on:
    /// "no such city". Elsewhere than in a tool: a fault with this public text.
    pub fn tool(text: impl Into<String>) -> Error {
        Error { is_tool_failure: true, ..Error::new(Status::Fault, text).public() }
    }

    /// A defect or an unexpected failure.
    pub fn fault(text: impl Into<String>) -> Error {
        Error::new(Status::Fault, text)
    }

    /// A limit was reached; see [`retry_after`](Error::retry_after).
    pub fn busy(text: impl Into<String>) -> Error {
        Error::new(Status::Busy, text)
    }

    /// The capability does not exist.
    pub fn unsupported(text: impl Into<String>) -> Error {
        Error::new(Status::Unsupported, text)
    }

    /// What the plugin works with went away.
    pub fn gone(text: impl Into<String>) -> Error {
        Error::new(Status::Gone, text)
    }

    /// The same error, its text shown to the MCP client.
    #[must_use]
    pub fn public(mut self) -> Error {
        self.flags |= JF_FAULT_PUBLIC;
        self
    }

    /// The same error, saying when to try again (rounded to milliseconds).
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Error {
        self.retry_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
        self
    }

    /// The same error, saying that the peer provably did not start the work, so that a retry is safe.
    #[must_use]
    pub fn not_started(mut self) -> Error {
        self.flags |= JF_FAULT_NOT_STARTED;
        self
    }

    /// What kind of error it is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the MCP client may read the text.
    pub fn is_public(&self) -> bool {
        self.flags & JF_FAULT_PUBLIC != 0
    }

    /// Whether it came from [`Error::tool`].
    pub fn is_tool_failure(&self) -> bool {
        self.is_tool_failure
    }

    /// What the host said.
    pub(crate) fn from_host(status: i32, fault: &jf_fault, what: &str) -> Error {
        let length = (fault.text_len as usize).min(fault.text.len());
        let said = String::from_utf8_lossy(&fault.text[..length]);
        let text = if said.is_empty() {
            format!("{what}: {}", status_name(status))
        } else {
            format!("{what}: {said}")
        };
        Error {
            flags: fault.flags & (JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED),
            retry_ms: fault.retry_ms,
            ..Error::new(Status::from_code(status), text)
        }
    }

    /// A status without a fault.
    pub(crate) fn from_status(status: i32, what: &str) -> Error {
        Error::new(Status::from_code(status), format!("{what}: {}", status_name(status)))
    }

    /// The fault as the ABI spells it; a text that is too long is cut between characters.
    pub(crate) fn to_fault(&self) -> jf_fault {
        let mut fault = empty_fault();
        fault.flags = self.flags;
        fault.code = self.status.code();
        fault.retry_ms = self.retry_ms;
        let length = cut(&self.text, fault.text.len());
        fault.text[..length].copy_from_slice(&self.text.as_bytes()[..length]);
        fault.text_len = length as u32;
        fault
    }

    /// Fills in the caller's fault, as far as the caller's version of it goes, and returns the status.
    ///
    /// # Safety
    ///
    /// `why` is null or points to a fault whose `size` is set.
    pub(crate) unsafe fn write(&self, why: *mut jf_fault) -> i32 {
        if !why.is_null() {
            let room = ((*why).size as usize).min(std::mem::size_of::<jf_fault>());
            let mut fault = self.to_fault();
            fault.size = (*why).size;
            let text_room = room.saturating_sub(20);
            if (fault.text_len as usize) > text_room {
                fault.text_len = cut(&self.text, text_room) as u32;
            }
            std::ptr::copy_nonoverlapping((&fault as *const jf_fault).cast::<u8>(), why.cast::<u8>(), room);
        }
        self.status.code()
    }
}

/// How many bytes of `text` fit into `room` without cutting a character.
fn cut(text: &str, room: usize) -> usize {
    let mut length = text.len().min(room);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    length
}

pub(crate) fn empty_fault() -> jf_fault {
    jf_fault {
        size: std::mem::size_of::<jf_fault>() as u32,
        flags: 0,
        code: 0,
        retry_ms: 0,
        text_len: 0,
        text: [0; 236],
    }
}

fn status_name(status: i32) -> &'static str {
    match status {
        JF_OK => "ok",
        JF_PENDING => "pending",
        JF_ABSENT => "there is none",
        JF_E_INVALID => "invalid input",
        JF_E_UNSUPPORTED => "not supported",
        JF_E_STALE => "it is gone already",
        JF_E_BUSY => "a limit was reached",
        JF_E_DENIED => "not allowed",
        JF_E_TIMEOUT => "out of time",
        JF_E_GONE => "the other side went away",
        _ => "it failed",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

macro_rules! faults_from {
    ($($error:ty)*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Error {
                Error::fault(error.to_string())
            }
        })*
    };
}

faults_from!(
    std::io::Error fmt::Error std::num::ParseIntError std::num::ParseFloatError std::str::Utf8Error
    std::string::FromUtf8Error crate::json::ParseError
    Box<dyn std::error::Error> Box<dyn std::error::Error + Send + Sync>
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let fault = Error::fault("ü".repeat(200)).to_fault();
        assert_eq!(fault.text_len, 236);
        let fault = Error::fault(format!("x{}", "ü".repeat(200))).to_fault();
        assert_eq!(fault.text_len, 235);
        let back = Error::from_host(
            JF_E_BUSY,
            &Error::busy("full").retry_after(Duration::from_secs(2)).to_fault(),
            "x",
        );
        assert_eq!((back.status(), back.text(), back.retry_ms), (Status::Busy, "x: full", 2000));
    }

    #[test]
    fn a_callers_smaller_fault_is_respected() {
        let mut room = [0xaau8; 256];
        room[..4].copy_from_slice(&24u32.to_le_bytes());
        // SAFETY: 256 bytes, of which 24 are offered.
        assert_eq!(unsafe { Error::fault("abcdef").write(room.as_mut_ptr().cast()) }, JF_E_FAULT);
        assert_eq!(&room[16..20], 4u32.to_le_bytes());
        assert_eq!(&room[20..26], b"abcd\xaa\xaa");
    }

    #[test]
    fn statuses_keep_their_numbers() {
        for code in JF_E_FAULT..=JF_E_INVALID {
            assert_eq!(Status::from_code(code).code(), code);
        }
        assert_eq!(Status::from_code(-99), Status::Fault);
    }
}
