// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.filter/1`: sees requests on their way to a server and results on their way back. The manifest's
//! `threads` is `per-loop`.

use crate::ffi::{bytes, json, text};
use crate::guard::{attached, cancel_question, with_entry, word, Configured, Principal};
use crate::host::{ask, sealed::Sealed, Encoded, Outcome, Question, Settled};
use crate::json::{find, find_all, quote, Value};
use crate::plugin::{Facet, Instance};
use crate::sys::*;
use crate::{Answer, Error, Lane, Plugin, Status};
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

/// A filter's question: [`Passage`], and [`later`](Question::later).
pub type Pass<'a> = Question<'a, Passage<'a>, Verdict>;

/// A plugin that looks at calls and their results. All methods run on the lane and must not block. Errors
/// refuse the call: [`Status::Denied`] (403), [`Status::Invalid`], [`Status::Busy`] (429), each with its text
/// where it is public; any other is the filter's own failure.
pub trait Filter: Plugin {
    /// What the plugin keeps for one configured filter.
    type Sieve: Send + 'static;

    /// Whether [`request`](Filter::request) is written.
    const SEES_REQUESTS: bool = true;

    /// Whether [`result`](Filter::result) is written.
    const SEES_RESULTS: bool = false;

    /// Whether [`ended`](Filter::ended) is written.
    const HEARS_ENDS: bool = false;

    /// Whether it always answers at once: the host then copies no bodies, and [`later`](Question::later)
    /// fails.
    const AT_ONCE: bool = false;

    /// Begins to serve one configured filter.
    fn attach(&self, lane: &Lane, filter: Configured<'_>) -> Result<Self::Sieve, Error>;

    /// Ends that; the value is dropped afterwards.
    fn detach(&self, _lane: &Lane, _sieve: &mut Self::Sieve) {}

    /// A request.
    fn request(
        &self,
        _lane: &Lane,
        _sieve: &mut Self::Sieve,
        _passage: &mut Pass<'_>,
    ) -> Result<Answer<Verdict>, Error> {
        Ok(Verdict::pass().into())
    }

    /// A result, never an error.
    fn result(
        &self,
        _lane: &Lane,
        _sieve: &mut Self::Sieve,
        _passage: &mut Pass<'_>,
    ) -> Result<Answer<Verdict>, Error> {
        Ok(Verdict::pass().into())
    }

    /// A call is over whose request left a memory; once for each.
    fn ended(&self, _lane: &Lane, _sieve: &mut Self::Sieve, _call: &Passed) {}
}

/// One request or one result on its way.
pub struct Passage<'a> {
    raw: jf_passage,
    kept: PhantomData<&'a ()>,
}

impl<'a> Passage<'a> {
    /// Who asks; may be nobody that is known.
    pub fn principal(&self) -> Principal<'a> {
        // SAFETY: borrowed until the slot returns, as is all below.
        unsafe { Principal::new(self.raw.principal) }
    }

    /// The result says `isError`.
    pub fn is_error(&self) -> bool {
        self.raw.flags & JF_PASSAGE_ERROR != 0
    }

    /// A result may be replaced by a link: the client can read what the gateway keeps for it, see
    /// [`Verdict::keep`].
    pub fn may_link(&self) -> bool {
        self.raw.flags & JF_PASSAGE_LINKS != 0
    }

    /// The same for a call's request, result and end, on this lane.
    pub fn call(&self) -> u64 {
        self.raw.call
    }

    /// What the request's verdict left for this call; 0: nothing.
    pub fn memory(&self) -> u64 {
        self.raw.memory
    }

    /// When nobody waits for the answer any more; see [`Host::until`](crate::Host::until).
    pub fn deadline_ns(&self) -> u64 {
        self.raw.deadline_ns
    }

    /// Milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        self.raw.now_ms
    }

    /// `JF_TOOLS`, `JF_RESOURCES` or `JF_PROMPTS` of [`sys`](crate::sys).
    pub fn kind(&self) -> u32 {
        self.raw.kind
    }

    /// Of a tool: `JF_PICK_*` of [`sys`](crate::sys).
    pub fn traits(&self) -> u32 {
        self.raw.traits
    }

    /// "tools/call", "resources/read", "prompts/get", "completion/complete"
    pub fn method(&self) -> &'a str {
        word(self.raw.method)
    }

    /// The server's name in the configuration.
    pub fn server(&self) -> &'a str {
        word(self.raw.server)
    }

    /// The item as its server spells it.
    pub fn name(&self) -> &'a str {
        word(self.raw.name)
    }

    /// The item as this endpoint's clients know it.
    pub fn shown(&self) -> &'a str {
        word(self.raw.shown)
    }

    /// The endpoint; `None` for calls of plugins.
    pub fn target(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.target) }
    }

    /// What the server listed of it; `None`: it is in no list.
    pub fn definition(&self) -> Result<Option<Value>, Error> {
        let raw = self.raw.definition;
        // SAFETY: as above.
        (!raw.ptr.is_null()).then(|| unsafe { json(raw, "the definition") }).transpose()
    }

    /// The client's address, where one is known.
    pub fn address(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.address) }
    }

    /// A request: its raw `params`; a result: the raw result object. JSON.
    pub fn body(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.body) }.unwrap_or_default()
    }

    /// A request's raw arguments, a part of the body; `None`: it has none. JSON.
    pub fn arguments(&self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.raw.arguments) }
    }

    /// A part of the arguments by JSON Pointer ("/query"), the last one of repeated members; `None`: there is
    /// none.
    pub fn argument(&self, pointer: &str) -> Option<Part> {
        let (arguments, offset) = self.arguments_at()?;
        part(arguments, pointer, offset)
    }

    /// The arguments of that name, all of them where a client repeats one: servers take the first or the last.
    /// [`Status::Invalid`]: one of them is nothing that can be read, such as half of a surrogate pair.
    pub fn every_argument(&self, name: &str) -> Result<Vec<Part>, Error> {
        let (arguments, offset) = match self.arguments_at() {
            Some(it) => it,
            None => return Ok(Vec::new()),
        };
        let parts = find_all(arguments, name).into_iter().map(|range| {
            let value = Value::parse_bytes(&arguments[range.clone()])
                .map_err(|error| Error::invalid(format!("{name}: {error}")))?;
            Ok(Part { value, range: range.start + offset..range.end + offset })
        });
        parts.collect()
    }

    /// The arguments, and where they begin in the body.
    fn arguments_at(&self) -> Option<(&'a [u8], usize)> {
        let (body, arguments) = (self.body(), self.arguments()?);
        let offset = (arguments.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        (offset + arguments.len() <= body.len()).then_some((arguments, offset))
    }

    /// A part of the body by JSON Pointer; `None`: there is none.
    pub fn part(&self, pointer: &str) -> Option<Part> {
        part(self.body(), pointer, 0)
    }
}

fn part(whole: &[u8], pointer: &str, offset: usize) -> Option<Part> {
    let range = find(whole, pointer)?;
    let value = Value::parse_bytes(&whole[range.clone()]).ok()?;
    Some(Part { value, range: range.start + offset..range.end + offset })
}

impl std::fmt::Debug for Passage<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Passage({} {})", self.method(), self.name())
    }
}

/// A value in the body of a [`Passage`]; it may be kept until the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it says.
    pub value: Value,
    /// Where it stands in the body.
    pub range: Range<usize>,
}

/// What is to become of a passage: it goes on as it is, unless changes follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    form: Form,
    memory: u64,
    kept: Option<Kept>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Changes(Vec<(Range<usize>, String)>),
    Instead(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    ttl_ms: u64,
    most: u64,
    preview: String,
}

impl Verdict {
    /// It goes on as it is.
    pub fn pass() -> Verdict {
        Verdict { form: Form::Changes(Vec::new()), memory: 0, kept: None }
    }

    /// A result object takes its place: of a request, the server is not asked.
    pub fn instead(result: &Value) -> Verdict {
        Verdict { form: Form::Instead(result.to_string()), memory: 0, kept: None }
    }

    /// Replaces a part of the body. Parts may come in any order, but none within another.
    #[must_use]
    pub fn replace(self, part: &Part, by: impl Into<Value>) -> Verdict {
        self.change(part.range.clone(), by.into().to_string())
    }

    /// Adds a member to an object of the body, which has none of that name.
    #[must_use]
    pub fn add(self, object: &Part, name: &str, value: impl Into<Value>) -> Verdict {
        let members = match object.value.as_object() {
            Some(members) => members,
            None => return self,
        };
        let end = object.range.end - 1;
        let follows = |changes: &Vec<(Range<usize>, String)>| changes.iter().any(|it| it.0 == (end..end));
        let is_first = members.is_empty() && !matches!(&self.form, Form::Changes(all) if follows(all));
        let comma = if is_first { "" } else { "," };
        self.change(end..end, format!("{comma}{}:{}", quote(name), value.into()))
    }

    fn change(mut self, range: Range<usize>, json: String) -> Verdict {
        if let Form::Changes(changes) = &mut self.form {
            changes.push((range, json));
        }
        self
    }

    /// Of a tool's result: the gateway keeps it whole for `ttl`, and a link to it takes its place, at the end
    /// of the `content` of `preview`, a result object. What else the verdict changes holds where it cannot be
    /// kept, or where `most` bytes of kept results are held already. The manifest's `filter.links` must say
    /// so.
    #[must_use]
    pub fn keep(self, preview: &Value, ttl: Duration, most: u64) -> Verdict {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Verdict { kept: Some(Kept { ttl_ms, most, preview: preview.to_string() }), ..self }
    }

    /// Kept for this call's [`Passage::memory`] and [`Filter::ended`]; 0: nothing is.
    #[must_use]
    pub fn remember(self, memory: u64) -> Verdict {
        Verdict { memory, ..self }
    }
}

impl Sealed for Verdict {}
impl Outcome for Verdict {
    /// The bytes of a jf_verdict and what follows it.
    fn encode(self) -> Encoded {
        fn head(decision: u32, count: usize, memory: u64) -> Vec<u8> {
            let mut bytes = decision.to_ne_bytes().to_vec();
            bytes.extend((count as u32).to_ne_bytes());
            bytes.extend(memory.to_ne_bytes());
            bytes
        }
        /// JSON behind the numbers of its own head, then zeros up to a multiple of 8.
        fn append(bytes: &mut Vec<u8>, numbers: [u64; 2], json: String) {
            bytes.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
            bytes.extend((json.len() as u64).to_ne_bytes());
            bytes.extend(json.into_bytes());
            bytes.resize((bytes.len() + 7) / 8 * 8, 0);
        }
        let mut changes = match self.form {
            Form::Changes(changes) if changes.is_empty() && self.kept.is_none() => {
                return match self.memory {
                    0 => Encoded::Nothing,
                    memory => Encoded::Bytes(head(JF_PASS, 0, memory)),
                }
            }
            Form::Changes(changes) => changes,
            Form::Instead(result) => {
                let mut bytes = head(JF_ANSWER, 0, self.memory);
                bytes.extend(result.into_bytes());
                return Encoded::Bytes(bytes);
            }
        };
        // Stable: insertions at one place stay in the order in which they were added.
        changes.sort_by_key(|change| change.0.start);
        let decision = if self.kept.is_some() { JF_SPILL } else { JF_SPLICE };
        let mut bytes = head(decision, changes.len(), self.memory);
        if let Some(kept) = self.kept {
            append(&mut bytes, [kept.ttl_ms, kept.most], kept.preview);
        }
        let mut done = 0;
        for (range, json) in changes {
            if range.start < done {
                return Encoded::Failed(Error::fault("a filter's changes lie within each other"));
            }
            done = range.end;
            append(&mut bytes, [range.start as u64, range.end as u64], json);
        }
        Encoded::Bytes(bytes)
    }
}

/// How a call ended whose request left a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// Why there was no answer; `None`: there was one.
    pub failure: Option<Status>,
    /// As in its [`Passage`].
    pub call: u64,
    /// As its [`Verdict`] said.
    pub memory: u64,
    /// Since the request.
    pub latency: Duration,
    /// Of the result; 0 without.
    pub bytes: u64,
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: Filter> Table<P> {
    const TABLE: jf_filter_1 = jf_filter_1 {
        size: std::mem::size_of::<jf_filter_1>() as u32,
        flags: if P::AT_ONCE { JF_FILTER_INLINE } else { 0 },
        attach: Some(attach_one::<P>),
        detach: Some(detach_one::<P>),
        request: if P::SEES_REQUESTS { Some(request::<P>) } else { None },
        result: if P::SEES_RESULTS { Some(result::<P>) } else { None },
        ended: if P::HEARS_ENDS { Some(ended::<P>) } else { None },
        cancel: Some(cancel_question::<P>),
    };
    const REFERENCE: &'static jf_filter_1 = &Table::<P>::TABLE;
}

attached!(Filter, Sieve, jf_filter_1, JF_FILTER_1);

unsafe fn pass<'a, P: Filter>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    passage: *const jf_passage,
    verdict: *mut jf_blob,
    why: *mut jf_fault,
    method: impl FnOnce(&P, &Lane, &mut P::Sieve, &mut Pass<'a>) -> Result<Answer<Verdict>, Error>,
) -> i32 {
    let view = Passage { raw: attach(passage.cast()).unwrap_or_else(jf_passage::zeroed), kept: PhantomData };
    let answered = ask::<P, _, _>(own, op, view, |lane, instance, plugin, question| {
        if P::AT_ONCE {
            // What was promised is not let break.
            question.refuse_later();
        }
        with_entry(instance.state::<Entries<P>>()?, handle, |it| method(plugin, lane, it, question))
    });
    answered.map_or(JF_PENDING, |result| Settled::of(result).write(verdict, why))
}

unsafe extern "C" fn request<P: Filter>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    passage: *const jf_passage,
    verdict: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    pass::<P>(own, op, handle, passage, verdict, why, P::request)
}

unsafe extern "C" fn result<P: Filter>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    passage: *const jf_passage,
    verdict: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    pass::<P>(own, op, handle, passage, verdict, why, P::result)
}

unsafe extern "C" fn ended<P: Filter>(own: *mut jf_self, handle: jf_ref, passed: *const jf_passed) {
    let raw = attach(passed.cast()).unwrap_or_else(jf_passed::zeroed);
    let call = Passed {
        failure: (raw.status != JF_OK).then(|| Status::from_code(raw.status)),
        call: raw.call,
        memory: raw.memory,
        latency: Duration::from_nanos(raw.latency_ns),
        bytes: raw.bytes,
    };
    let told = Instance::<P>::slot(own, |lane, instance, plugin| {
        with_entry(instance.state::<Entries<P>>()?, handle, |it| {
            plugin.ended(lane, it, &call);
            Ok(())
        })
    });
    Instance::<P>::behind(own).tell("ended", told);
}
