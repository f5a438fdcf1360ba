// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.store/1`: where state lives that outlasts a call, a loop or a gateway. `jackfield/store.h` says
//! what each operation promises; bounds are checked before a method is called.

use crate::ffi::{bytes, optional_view};
use crate::guard::cancel_question;
use crate::host::{ask, sealed::Sealed, Encoded, Outcome, Question, Settled};
use crate::plugin::{Facet, FacetState, Instance};
use crate::sys::*;
use crate::{Answer, Error, Host, Lane, Plugin, Status};
use std::any::Any;
use std::marker::PhantomData;

/// A store's question about `V`, and [`later`](Question::later).
pub type Ask<'a, V> = Question<'a, V, StoreAnswer>;

/// A plugin that keeps state. All methods run on the lane and must not block. Where a condition does not
/// hold, they answer the error [`stale`].
pub trait Store: Plugin {
    /// Whether [`watch`](Store::watch) and [`unwatch`](Store::unwatch) are written.
    const WATCHES: bool = false;

    /// The entry of a key, or [`StoreAnswer::absent`].
    fn get(&self, lane: &Lane, get: &mut Ask<'_, Get<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Keeps a value: answers its entry without value.
    fn put(&self, lane: &Lane, put: &mut Ask<'_, Put<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Forgets a key: [`StoreAnswer::done`] or [`StoreAnswer::absent`].
    fn remove(&self, lane: &Lane, remove: &mut Ask<'_, Remove<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Entries in the order of their keys' bytes, or [`StoreAnswer::absent`] where none are left.
    fn list(&self, lane: &Lane, list: &mut Ask<'_, List<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Adds to a counter: [`Entry::counter`], or [`StoreAnswer::absent`] where there is none and `delta` is 0.
    fn add(&self, lane: &Lane, add: &mut Ask<'_, Add<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Takes from all of the limits, or from none: [`StoreAnswer::verdicts`], one for each.
    fn take(&self, lane: &Lane, take: &mut Ask<'_, Take<'_>>) -> Result<Answer<StoreAnswer>, Error>;

    /// Tells of changes of keys that begin with `prefix`, by [`Host::store_changed`], until `unwatch`.
    fn watch(&self, _lane: &Lane, _watch: u64, _prefix: &[u8]) -> Result<(), Error> {
        Err(Error::unsupported("this store tells of no changes"))
    }

    /// Ends a watch.
    fn unwatch(&self, _lane: &Lane, _watch: u64) {}
}

/// The error where a condition does not hold; nothing was changed.
pub fn stale() -> Error {
    Error::new(Status::Stale, "the condition does not hold").not_started()
}

/// The entry of a key is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Get<'a> {
    /// Any bytes.
    pub key: &'a [u8],
}

/// A value is to be kept.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Put<'a> {
    /// Any bytes.
    pub key: &'a [u8],
    /// Any bytes.
    pub value: &'a [u8],
    /// When it may be kept.
    pub condition: Condition,
    /// It is gone after so many milliseconds; `None`: it stays.
    pub ttl_ms: Option<u64>,
}

/// When a value may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    None,
    /// Only where the key is absent.
    Create,
    /// Only where the key has this revision.
    Match(u64),
}

/// A key is to be forgotten.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Remove<'a> {
    /// Any bytes.
    pub key: &'a [u8],
    /// Only where it has this revision; `None`: whatever it has.
    pub revision: Option<u64>,
}

/// Keys are asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct List<'a> {
    /// Keys that begin with it; empty: all.
    pub prefix: &'a [u8],
    /// Only keys behind this one; empty: from the first.
    pub after: &'a [u8],
    /// Entries at most.
    pub most: usize,
    /// Values are left out.
    pub keys_only: bool,
}

/// A counter changes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Add<'a> {
    /// Any bytes.
    pub key: &'a [u8],
    /// What is added; 0 reads it.
    pub delta: i64,
    /// How many milliseconds the counter lives from its first change on; `None`: for ever.
    pub ttl_ms: Option<u64>,
}

/// Limits are to be taken from.
#[derive(Clone, Copy)]
pub struct Take<'a>(&'a [jf_store_limit]);

impl<'a> Take<'a> {
    /// The limits, in order.
    pub fn limits(&self) -> impl ExactSizeIterator<Item = Limit<'a>> {
        self.0.iter().map(|raw| Limit {
            // SAFETY: borrowed until the slot returns; checked before.
            key: unsafe { bytes(raw.key) }.unwrap_or_default(),
            kind: match raw.kind {
                JF_LIMIT_BUCKET => LimitKind::Bucket,
                JF_LIMIT_SLIDING => LimitKind::Sliding,
                _ => LimitKind::Fixed,
            },
            burst: raw.burst,
            rate: raw.rate,
            period_ms: raw.period_ms,
            cost: raw.cost,
        })
    }
}

impl std::fmt::Debug for Take<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.limits()).finish()
    }
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// A token bucket, full at first.
    Bucket,
    /// A sliding window.
    Sliding,
    /// A fixed window, counted from Unix time 0.
    Fixed,
}

/// One limit that a take must fit under. Amounts are thousandths. Kind, period and key name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit<'a> {
    /// Any bytes.
    pub key: &'a [u8],
    /// How it counts.
    pub kind: LimitKind,
    /// A bucket: its size. Else 0.
    pub burst: u64,
    /// How much comes back in a period, or fits into it.
    pub rate: u64,
    /// The period.
    pub period_ms: u64,
    /// What is taken; 0 asks how much is left.
    pub cost: u64,
}

/// What a limit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// There was enough under this limit.
    pub fits: bool,
    /// If not: when there will be; `u32::MAX`: never.
    pub retry_ms: u32,
    /// What remains now, in thousandths.
    pub left: u64,
}

/// Something that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; empty where an operation answers none.
    pub value: Vec<u8>,
    /// Never 0; each change gives a greater one.
    pub revision: u64,
    /// When it is gone, milliseconds of Unix time; `None`: never.
    pub expires_ms: Option<u64>,
}

impl Entry {
    /// An entry that stays.
    pub fn new(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, revision: u64) -> Entry {
        Entry { key: key.into(), value: value.into(), revision, expires_ms: None }
    }

    /// A counter's.
    pub fn counter(key: impl Into<Vec<u8>>, sum: i64, revision: u64) -> Entry {
        Entry::new(key, sum.to_ne_bytes(), revision)
    }

    /// A counter's sum; `None`: it is something else.
    pub fn sum(&self) -> Option<i64> {
        self.value.as_slice().try_into().ok().map(i64::from_ne_bytes)
    }

    /// The first entry of an answer of a store; `None`: there is none in it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Entry> {
        let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let lengths = long(16)?;
        let key_end = 24 + (lengths & u64::from(u32::MAX)) as usize;
        let end = key_end + (lengths >> 32) as usize;
        Some(Entry {
            key: bytes.get(24..key_end)?.to_vec(),
            value: bytes.get(key_end..end)?.to_vec(),
            revision: long(0)?,
            expires_ms: long(8).filter(|&expires| expires > 0),
        })
    }

    fn size(&self) -> usize {
        (std::mem::size_of::<jf_store_entry>() + self.key.len() + self.value.len() + 7) / 8 * 8
    }
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreAnswer(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Entries(Vec<Entry>),
    Verdicts(Vec<Verdict>),
    Done,
    Absent,
}

impl StoreAnswer {
    /// One entry.
    pub fn entry(entry: Entry) -> StoreAnswer {
        StoreAnswer(Form::Entries(vec![entry]))
    }

    /// Entries, in order; what does not fit into one answer is left for the next `list`. None: absent.
    pub fn entries(entries: Vec<Entry>) -> StoreAnswer {
        StoreAnswer(if entries.is_empty() { Form::Absent } else { Form::Entries(entries) })
    }

    /// What the limits say, in their order.
    pub fn verdicts(verdicts: Vec<Verdict>) -> StoreAnswer {
        StoreAnswer(Form::Verdicts(verdicts))
    }

    /// Done, without an entry.
    pub fn done() -> StoreAnswer {
        StoreAnswer(Form::Done)
    }

    /// There is none.
    pub fn absent() -> StoreAnswer {
        StoreAnswer(Form::Absent)
    }
}

impl Sealed for StoreAnswer {}
impl Outcome for StoreAnswer {
    /// Entries or verdicts, in the bytes of jackfield/store.h.
    fn encode(self) -> Encoded {
        let mut out = Vec::new();
        match self.0 {
            Form::Done => return Encoded::Nothing,
            Form::Absent => return Encoded::Absent,
            Form::Verdicts(verdicts) => {
                for it in verdicts {
                    out.extend(u32::from(it.fits).to_ne_bytes());
                    out.extend((if it.fits { 0 } else { it.retry_ms }).to_ne_bytes());
                    out.extend(it.left.to_ne_bytes());
                }
            }
            Form::Entries(entries) => {
                for it in entries {
                    if !out.is_empty() && out.len() + it.size() > JF_STORE_LIST_BYTES as usize {
                        break;
                    }
                    out.extend(it.revision.to_ne_bytes());
                    out.extend(it.expires_ms.unwrap_or(0).to_ne_bytes());
                    out.extend((it.key.len() as u32).to_ne_bytes());
                    out.extend((it.value.len() as u32).to_ne_bytes());
                    out.extend(it.key);
                    out.extend(it.value);
                    out.resize((out.len() + 7) / 8 * 8, 0);
                }
            }
        }
        Encoded::Bytes(out)
    }
}

impl Host {
    /// A watched key changed, or is gone (`revision` 0). `key` `None`: whatever the watch covers may have
    /// changed. `jf.watches/1`; without it nothing happens.
    pub fn store_changed(&self, watch: u64, key: Option<&[u8]>, revision: u64) {
        self.core.with_host(|services| {
            if let Some(jf_watches_1 { context, changed: Some(changed), .. }) = services.watches {
                // SAFETY: [any]; the key is borrowed.
                unsafe { changed(context, watch, optional_view(key), revision) }
            }
        });
    }
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: Store> Table<P> {
    const TABLE: jf_store_1 = jf_store_1 {
        size: std::mem::size_of::<jf_store_1>() as u32,
        flags: 0,
        get: Some(get::<P>),
        put: Some(put::<P>),
        remove: Some(remove::<P>),
        list: Some(list::<P>),
        add: Some(add::<P>),
        take: Some(take::<P>),
        watch: if P::WATCHES { Some(watch::<P>) } else { None },
        unwatch: if P::WATCHES { Some(unwatch::<P>) } else { None },
        cancel: Some(cancel_question::<P>),
    };
    const REFERENCE: &'static jf_store_1 = &Table::<P>::TABLE;
}

/// Everything is in the plugin itself.
struct NoState;

impl FacetState for NoState {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn clear(&self) {}
}

/// The facet, for the macro.
#[doc(hidden)]
pub fn facet<P: Store>() -> Facet {
    Facet {
        id: JF_STORE_1,
        table: (Table::<P>::REFERENCE as *const jf_store_1).cast(),
        state: || Box::new(NoState),
    }
}

/// Asks, unless the question is out of bounds.
unsafe fn question<'a, P: Store, V: 'a>(
    own: *mut jf_self,
    op: jf_ref,
    view: Option<V>,
    out: *mut jf_blob,
    why: *mut jf_fault,
    method: impl FnOnce(&P, &Lane, &mut Ask<'a, V>) -> Result<Answer<StoreAnswer>, Error>,
) -> i32 {
    let view = match view {
        Some(view) => view,
        None => {
            let text = "a key, value or number is outside its bounds";
            return Error::new(Status::Invalid, text).not_started().write(why);
        }
    };
    let answered =
        ask::<P, _, StoreAnswer>(own, op, view, |lane, _, plugin, question| method(plugin, lane, question));
    answered.map_or(JF_PENDING, |result| Settled::of(result).write(out, why))
}

unsafe fn key_of<'a>(key: jf_view) -> Option<&'a [u8]> {
    bytes(key).filter(|key| !key.is_empty() && key.len() <= JF_STORE_KEY_MOST as usize)
}

fn ttl_of(ttl_ms: u64) -> Option<Option<u64>> {
    (ttl_ms <= JF_STORE_TTL_MOST).then_some((ttl_ms > 0).then_some(ttl_ms))
}

unsafe extern "C" fn get<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    key: jf_view,
    entry: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    question::<P, _>(own, op, key_of(key).map(|key| Get { key }), entry, why, |plugin, lane, it| {
        plugin.get(lane, it)
    })
}

unsafe fn put_of<'a>(raw: *const jf_store_put) -> Option<Put<'a>> {
    let raw: jf_store_put = attach(raw.cast())?;
    let condition = match (raw.flags, raw.revision) {
        (0, _) => Condition::None,
        (JF_STORE_CREATE, _) => Condition::Create,
        (JF_STORE_MATCH, revision) if revision != 0 => Condition::Match(revision),
        _ => return None,
    };
    let value = bytes(raw.value).filter(|value| value.len() <= JF_STORE_VALUE_MOST as usize)?;
    Some(Put { key: key_of(raw.key)?, value, condition, ttl_ms: ttl_of(raw.ttl_ms)? })
}

unsafe extern "C" fn put<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_store_put,
    entry: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    question::<P, _>(own, op, put_of(raw), entry, why, |plugin, lane, it| plugin.put(lane, it))
}

unsafe extern "C" fn remove<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    key: jf_view,
    revision: u64,
    entry: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let view = key_of(key).map(|key| Remove { key, revision: (revision > 0).then_some(revision) });
    question::<P, _>(own, op, view, entry, why, |plugin, lane, it| plugin.remove(lane, it))
}

unsafe fn list_of<'a>(raw: *const jf_store_list) -> Option<List<'a>> {
    let raw: jf_store_list = attach(raw.cast())?;
    let (prefix, after) = (bytes(raw.prefix).unwrap_or_default(), bytes(raw.after).unwrap_or_default());
    let is_right = raw.flags >> 16 == 0
        && (1..=u64::from(JF_STORE_LIST_MOST)).contains(&raw.most)
        && prefix.len().max(after.len()) <= JF_STORE_KEY_MOST as usize;
    let keys_only = raw.flags & JF_STORE_KEYS != 0;
    is_right.then_some(List { prefix, after, most: raw.most as usize, keys_only })
}

unsafe extern "C" fn list<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_store_list,
    entries: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    question::<P, _>(own, op, list_of(raw), entries, why, |plugin, lane, it| plugin.list(lane, it))
}

unsafe fn add_of<'a>(raw: *const jf_store_add) -> Option<Add<'a>> {
    let raw: jf_store_add = attach(raw.cast())?;
    let (key, ttl_ms) = (key_of(raw.key)?, ttl_of(raw.ttl_ms)?);
    (raw.flags >> 16 == 0).then_some(Add { key, delta: raw.delta, ttl_ms })
}

unsafe extern "C" fn add<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_store_add,
    entry: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    question::<P, _>(own, op, add_of(raw), entry, why, |plugin, lane, it| plugin.add(lane, it))
}

unsafe fn take_of<'a>(limits: *const jf_store_limit, count: u64) -> Option<Take<'a>> {
    if limits.is_null() || count < 1 || count > u64::from(JF_STORE_TAKE_MOST) {
        return None;
    }
    let limits = std::slice::from_raw_parts(limits, count as usize);
    let is_right = |it: &jf_store_limit| {
        let is_kind = match it.kind {
            JF_LIMIT_BUCKET => it.rate >= 1,
            JF_LIMIT_SLIDING | JF_LIMIT_FIXED => it.burst == 0,
            _ => false,
        };
        is_kind
            && key_of(it.key).is_some()
            && (1..=JF_STORE_PERIOD_MOST).contains(&it.period_ms)
            && it.rate.max(it.burst).max(it.cost) <= JF_STORE_AMOUNT_MOST
    };
    limits.iter().all(is_right).then_some(Take(limits))
}

unsafe extern "C" fn take<P: Store>(
    own: *mut jf_self,
    op: jf_ref,
    limits: *const jf_store_limit,
    count: u64,
    verdicts: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    question::<P, _>(own, op, take_of(limits, count), verdicts, why, |plugin, lane, it| plugin.take(lane, it))
}

unsafe extern "C" fn watch<P: Store>(
    own: *mut jf_self,
    handle: jf_ref,
    prefix: jf_view,
    why: *mut jf_fault,
) -> i32 {
    let prefix = bytes(prefix).unwrap_or_default();
    match Instance::<P>::slot(own, |lane, _, plugin| plugin.watch(lane, handle, prefix)) {
        Ok(()) => JF_OK,
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn unwatch<P: Store>(own: *mut jf_self, handle: jf_ref) {
    let ended = Instance::<P>::slot(own, |lane, _, plugin| {
        plugin.unwatch(lane, handle);
        Ok(())
    });
    Instance::<P>::behind(own).tell("unwatch", ended);
}
