// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.auth/1`: turns what a request brought with it into an identity. The manifest's `threads` is
//! `per-loop`.

use crate::ffi::{blob, bytes, optional_view};
use crate::guard::{attached, cancel_question, pairs, with_entry, word, Configured};
use crate::host::{ask, sealed::Sealed, Encoded, Outcome, Question, Settled};
use crate::json::Value;
use crate::plugin::{Facet, Instance};
use crate::sys::*;
use crate::{Answer, Error, Host, Lane, Plugin, Status};
use std::marker::PhantomData;
use std::time::Duration;

/// A provider's question: [`Credentials`], and [`later`](Question::later).
pub type Identify<'a> = Question<'a, Credentials<'a>, Identification>;

/// A plugin that says who asks. All methods run on the lane and must not block.
pub trait AuthProvider: Plugin {
    /// What the plugin keeps for one configured provider.
    type Provider: Send + 'static;

    /// Whether [`describe`](AuthProvider::describe) is written.
    const DESCRIBES: bool = false;

    /// Begins to serve one configured provider.
    fn attach(&self, lane: &Lane, provider: Configured<'_>) -> Result<Self::Provider, Error>;

    /// Ends that; the value is dropped afterwards.
    fn detach(&self, _lane: &Lane, _provider: &mut Self::Provider) {}

    /// Says who it is. [`Identification::absent`]: there are no credentials of this kind, the next provider
    /// is asked. [`denied`] as an error: they are not good (401). Any other error: it cannot be known now
    /// (503).
    fn identify(
        &self,
        lane: &Lane,
        provider: &mut Self::Provider,
        request: &mut Identify<'_>,
    ) -> Result<Answer<Identification>, Error>;

    /// What a client without credentials must know (RFC 9728): an object; `None`: nothing.
    fn describe(&self, _lane: &Lane, _provider: &mut Self::Provider) -> Result<Option<Value>, Error> {
        Ok(None)
    }
}

/// Credentials that are not good; the client reads why.
pub fn denied(text: impl Into<String>) -> Error {
    Error::new(Status::Denied, text).public()
}

/// Whether two secrets are the same, in a time that depends on their lengths only.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    let mut differs = u8::from(one.len() != other.len());
    for (at, byte) in one.iter().enumerate() {
        differs |= byte ^ other.get(at % other.len().max(1)).copied().unwrap_or(!byte);
    }
    // SAFETY: a local. Volatile, so that no shorter way is compiled.
    unsafe { std::ptr::read_volatile(&differs) == 0 }
}

/// What a request brought with it.
pub struct Credentials<'a> {
    raw: jf_credentials,
    kept: PhantomData<&'a ()>,
}

impl<'a> Credentials<'a> {
    /// The client is on this machine.
    pub fn is_local(&self) -> bool {
        self.raw.flags & JF_CREDENTIALS_LOCAL != 0
    }

    /// The client is the one for which the gateway was started (stdio).
    pub fn is_sole(&self) -> bool {
        self.raw.flags & JF_CREDENTIALS_SOLE != 0
    }

    /// The endpoint asked for.
    pub fn target(&self) -> &'a str {
        word(self.raw.target)
    }

    /// Its canonical URI, for which a token must have been made (RFC 8707).
    pub fn resource(&self) -> &'a str {
        word(self.raw.resource)
    }

    /// The client's address.
    pub fn address(&self) -> &'a str {
        word(self.raw.address)
    }

    /// Its verified certificate (X.509, DER); `None`: it has none.
    pub fn certificate(&self) -> Option<&'a [u8]> {
        // SAFETY: borrowed until the slot returns, as is all below.
        unsafe { bytes(self.raw.certificate) }
    }

    /// The header fields that the manifest's `auth.fields` names, in order of arrival, names in lower case.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        // SAFETY: as above.
        unsafe { pairs(self.raw.fields, self.raw.field_count) }
    }

    /// Milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        self.raw.now_ms
    }

    /// What stands behind "Bearer " in the field authorization (RFC 6750 section 2.1); `None`: nothing of
    /// that kind is there. An error where it is empty, no text, or there twice.
    pub fn bearer(&self) -> Result<Option<&'a str>, Error> {
        let mut values = self.fields().filter(|(name, _)| *name == "authorization").map(|(_, value)| value);
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (None, _) => return Ok(None),
            _ => return Err(denied("there are two fields authorization")),
        };
        if value.len() < 7 || !value[..7].eq_ignore_ascii_case(b"bearer ") {
            return Ok(None);
        }
        match std::str::from_utf8(&value[7..]).map(|token| token.trim_matches(&[' ', '\t'][..])) {
            Ok("") => Err(denied("the bearer token is empty")),
            Ok(token) => Ok(Some(token)),
            Err(_) => Err(denied("the bearer token is no text")),
        }
    }
}

impl std::fmt::Debug for Credentials<'_> {
    // What was shown is a secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Credentials({})", self.target())
    }
}

/// Who somebody is, as a provider says it. All but the subject may be left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// Who it is.
    pub subject: String,
    /// Whom it belongs to; `None`: no tenants.
    pub tenant: Option<String>,
    /// Who vouches for it; `None`: the gateway's own configuration.
    pub issuer: Option<String>,
    /// What policies may take it for.
    pub roles: Vec<String>,
    /// What was granted to its credentials.
    pub scopes: Vec<String>,
    /// What else is known.
    pub attributes: Vec<(String, Value)>,
    /// Names what it showed, without being it: a key's id.
    pub credential: Option<String>,
    /// When the credentials end, milliseconds of Unix time; `None`: not known to end.
    pub expires_ms: Option<u64>,
    /// For how long the host may answer the same credentials itself; `None`: the usual.
    pub keep: Option<Duration>,
}

impl Identity {
    /// Somebody.
    pub fn new(subject: impl Into<String>) -> Identity {
        Identity { subject: subject.into(), ..Identity::default() }
    }

    fn to_json(&self) -> String {
        let mut members = vec![("subject".to_owned(), Value::from(&*self.subject))];
        let mut set = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        let list = |all: &Vec<String>| (!all.is_empty()).then(|| Value::from(all.clone()));
        set("tenant", self.tenant.as_deref().map(Value::from));
        set("issuer", self.issuer.as_deref().map(Value::from));
        set("roles", list(&self.roles));
        set("scopes", list(&self.scopes));
        set("attributes", (!self.attributes.is_empty()).then(|| Value::Object(self.attributes.clone())));
        set("credential", self.credential.as_deref().map(Value::from));
        set("expires_ms", self.expires_ms.map(Value::from));
        set(
            "keep_ms",
            self.keep.map(|keep| Value::from(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX))),
        );
        Value::Object(members).to_string()
    }
}

/// What a provider answers: an [`Identity`], or that there are no credentials of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification(Option<Identity>);

impl Identification {
    /// The request has no credentials of this provider's kind: the next one is asked.
    pub fn absent() -> Identification {
        Identification(None)
    }
}

impl From<Identity> for Identification {
    fn from(identity: Identity) -> Identification {
        Identification(Some(identity))
    }
}

impl From<Identity> for Answer<Identification> {
    fn from(identity: Identity) -> Answer<Identification> {
        Identification::from(identity).into()
    }
}

impl Sealed for Identification {}
impl Outcome for Identification {
    fn encode(self) -> Encoded {
        self.0.map_or(Encoded::Absent, |identity| Encoded::Bytes(identity.to_json().into_bytes()))
    }
}

impl Host {
    /// What was accepted before may not hold any more: the plugin's principals are asked for anew, or, with
    /// a `credential`, those that showed it. `jf.identity/1`; without it nothing happens.
    pub fn forget_identities(&self, credential: Option<&str>) {
        self.core.with_host(|services| {
            if let Some(jf_identity_1 { context, forget: Some(forget), .. }) = services.identity {
                // SAFETY: [any]; the text is borrowed.
                unsafe { forget(context, optional_view(credential.map(str::as_bytes))) }
            }
        });
    }
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: AuthProvider> Table<P> {
    const TABLE: jf_auth_1 = jf_auth_1 {
        size: std::mem::size_of::<jf_auth_1>() as u32,
        flags: 0,
        attach: Some(attach_one::<P>),
        detach: Some(detach_one::<P>),
        identify: Some(identify::<P>),
        describe: if P::DESCRIBES { Some(describe::<P>) } else { None },
        cancel: Some(cancel_question::<P>),
    };
    const REFERENCE: &'static jf_auth_1 = &Table::<P>::TABLE;
}

attached!(AuthProvider, Provider, jf_auth_1, JF_AUTH_1);

unsafe extern "C" fn identify<P: AuthProvider>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    credentials: *const jf_credentials,
    principal: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let raw = attach(credentials.cast()).unwrap_or_else(jf_credentials::zeroed);
    let view = Credentials { raw, kept: PhantomData };
    let answered = ask::<P, _, _>(own, op, view, |lane, instance, plugin, question| {
        with_entry(instance.state::<Entries<P>>()?, handle, |it| plugin.identify(lane, it, question))
    });
    answered.map_or(JF_PENDING, |result| Settled::of(result).write(principal, why))
}

unsafe extern "C" fn describe<P: AuthProvider>(
    own: *mut jf_self,
    handle: jf_ref,
    description: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let described = Instance::<P>::slot(own, |lane, instance, plugin| {
        with_entry(instance.state::<Entries<P>>()?, handle, |it| plugin.describe(lane, it))
    });
    match described {
        Ok(Some(object)) => {
            *description = blob(object.to_string().into_bytes());
            JF_OK
        }
        Ok(None) => JF_ABSENT,
        Err(error) => error.write(why),
    }
}
