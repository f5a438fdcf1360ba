// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.credentials/1`: what servers are shown to let the gateway in. The manifest's `threads` is
//! `per-loop`.

use crate::ffi::{bytes, optional_view, text, view};
use crate::guard::{attached, cancel_question, with_entry, word, Configured, Principal};
use crate::host::{ask, sealed::Sealed, Encoded, Outcome, Question, Settled};
use crate::json::Value;
use crate::plugin::{Facet, Instance};
use crate::sys::*;
use crate::{Answer, Error, Host, Lane, Plugin, Status};
use std::marker::PhantomData;
use std::time::Duration;

/// A source's question: [`Demand`], and [`later`](Question::later).
pub type Ask<'a> = Question<'a, Demand<'a>, Supply>;

/// A plugin that supplies what the gateway shows to a server: as itself, or for a principal. All methods run
/// on the lane and must not block.
pub trait CredentialSource: Plugin {
    /// What the plugin keeps for one server.
    type Server: Send + 'static;

    /// Begins to serve one server.
    fn attach(&self, lane: &Lane, server: Configured<'_>) -> Result<Self::Server, Error>;

    /// Ends that; the value is dropped afterwards.
    fn detach(&self, _lane: &Lane, _server: &mut Self::Server) {}

    /// What a request to the server needs. [`Status::Denied`] as an error: this principal gets none, the
    /// call is refused. Any other error: they cannot be had now.
    fn supply(
        &self,
        lane: &Lane,
        server: &mut Self::Server,
        demand: &mut Ask<'_>,
    ) -> Result<Answer<Supply>, Error>;
}

/// What a request to a server needs.
pub struct Demand<'a> {
    raw: jf_demand,
    kept: PhantomData<&'a ()>,
}

impl<'a> Demand<'a> {
    /// For whom; the gateway itself where nobody is known.
    pub fn principal(&self) -> Principal<'a> {
        // SAFETY: borrowed until the slot returns, as is all below.
        unsafe { Principal::new(self.raw.principal) }
    }

    /// The URL that the request goes to.
    pub fn endpoint(&self) -> &'a str {
        word(self.raw.endpoint)
    }

    /// The MCP method.
    pub fn method(&self) -> &'a str {
        word(self.raw.method)
    }

    /// Tool, prompt or URI as the server spells it.
    pub fn name(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.name) }
    }

    /// What the principal itself showed, to be exchanged and never for the server; `None` unless the
    /// manifest's `credentials.exchange` is true.
    pub fn presented(&self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.raw.presented) }
    }

    /// After a refusal: the server's WWW-Authenticate.
    pub fn challenge(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.challenge) }
    }

    /// The server refused what it was shown for this very request.
    pub fn is_refused(&self) -> bool {
        self.raw.refused != 0
    }

    /// How often it did.
    pub fn attempt(&self) -> u32 {
        self.raw.attempt
    }

    /// The client can be sent to a URL.
    pub fn may_connect(&self) -> bool {
        self.raw.flags & JF_DEMAND_URL != 0
    }

    /// Milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        self.raw.now_ms
    }
}

impl std::fmt::Debug for Demand<'_> {
    // What was presented is a secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Demand({})", self.endpoint())
    }
}

/// What a source answers. Its bytes are wiped in the end.
#[derive(Clone, PartialEq)]
pub struct Supply {
    form: Form,
    expires_ms: Option<u64>,
    keep: Option<Duration>,
}

#[derive(Clone, PartialEq)]
enum Form {
    Nothing,
    Headers(Vec<(String, Value)>),
    Connect { url: String, message: String, id: String },
}

impl Supply {
    fn new(form: Form) -> Supply {
        Supply { form, expires_ms: None, keep: None }
    }

    /// The server needs nothing.
    pub fn nothing() -> Supply {
        Supply::new(Form::Nothing)
    }

    /// A header field for the server; further ones with [`and_header`](Supply::and_header).
    pub fn header(name: impl Into<String>, value: impl Into<String>) -> Supply {
        Supply::new(Form::Headers(Vec::new())).and_header(name, value)
    }

    /// One more.
    #[must_use]
    pub fn and_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Supply {
        if let Form::Headers(headers) = &mut self.form {
            headers.push((name.into(), Value::from(value.into())));
        }
        self
    }

    /// The user must agree first, at this URL; [`Host::connected`] says when that was done.
    pub fn connect(url: impl Into<String>, message: impl Into<String>, id: impl Into<String>) -> Supply {
        Supply::new(Form::Connect { url: url.into(), message: message.into(), id: id.into() })
    }

    /// When the fields end, milliseconds of Unix time.
    #[must_use]
    pub fn expires_ms(self, unix_ms: u64) -> Supply {
        Supply { expires_ms: Some(unix_ms), ..self }
    }

    /// For how long the host may use them again; zero: it asks each time.
    #[must_use]
    pub fn keep(self, keep: Duration) -> Supply {
        Supply { keep: Some(keep), ..self }
    }
}

impl std::fmt::Debug for Supply {
    // The fields are secrets.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self.form {
            Form::Nothing => "Supply(nothing)",
            Form::Headers(_) => "Supply(headers)",
            Form::Connect { .. } => "Supply(connect)",
        })
    }
}

impl Sealed for Supply {}
impl Outcome for Supply {
    fn encode(self) -> Encoded {
        let mut members = match self.form {
            Form::Nothing => return Encoded::Absent,
            Form::Headers(headers) => vec![("headers".to_owned(), Value::Object(headers))],
            Form::Connect { url, message, id } => {
                let connect = [("url", url.into()), ("message", message.into()), ("id", id.into())];
                vec![("connect".to_owned(), Value::object(connect))]
            }
        };
        members.extend(self.expires_ms.map(|at| ("expires_ms".to_owned(), Value::from(at))));
        let keep = self.keep.map(|keep| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        members.extend(keep.map(|keep| ("keep_ms".to_owned(), Value::from(keep))));
        Encoded::Secret(Value::Object(members).to_string().into_bytes())
    }
}

impl Host {
    /// The user did what [`Supply::connect`] asked for, or why it came to nothing. `jf.connected/1`; without
    /// it nothing happens.
    pub fn connected(&self, id: &str, outcome: Result<(), Status>) {
        let status = outcome.map_or_else(Status::code, |()| JF_OK);
        self.core.with_host(|services| {
            if let Some(jf_connected_1 { context, connected: Some(connected), .. }) = services.connected {
                // SAFETY: [any]; the text is borrowed.
                unsafe { connected(context, view(id.as_bytes()), status) }
            }
        });
    }

    /// What was supplied before is not good any more: all of the plugin's, or that of one
    /// [`Principal::key`]. `jf.connected/1`; without it nothing happens.
    pub fn forget_supplies(&self, key: Option<&str>) {
        self.core.with_host(|services| {
            if let Some(jf_connected_1 { context, forget: Some(forget), .. }) = services.connected {
                // SAFETY: [any]; the text is borrowed.
                unsafe { forget(context, optional_view(key.map(str::as_bytes))) }
            }
        });
    }
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: CredentialSource> Table<P> {
    const TABLE: jf_credentials_1 = jf_credentials_1 {
        size: std::mem::size_of::<jf_credentials_1>() as u32,
        flags: 0,
        attach: Some(attach_one::<P>),
        detach: Some(detach_one::<P>),
        supply: Some(supply::<P>),
        cancel: Some(cancel_question::<P>),
    };
    const REFERENCE: &'static jf_credentials_1 = &Table::<P>::TABLE;
}

attached!(CredentialSource, Server, jf_credentials_1, JF_CREDENTIALS_1);

unsafe extern "C" fn supply<P: CredentialSource>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    demand: *const jf_demand,
    out: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let view = Demand { raw: attach(demand.cast()).unwrap_or_else(jf_demand::zeroed), kept: PhantomData };
    let answered = ask::<P, _, _>(own, op, view, |lane, instance, plugin, question| {
        with_entry(instance.state::<Entries<P>>()?, handle, |it| plugin.supply(lane, it, question))
    });
    answered.map_or(JF_PENDING, |result| Settled::of(result).write(out, why))
}
