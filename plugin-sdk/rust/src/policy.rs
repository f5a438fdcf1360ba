// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.policy/1`: says who may do what. The manifest's `threads` is `per-loop`.

use crate::ffi::{blob, json, text, view, ABSENT};
use crate::guard::{attach_entry, cancel_question, pairs, with_entry, word, Attached, Configured, Principal};
use crate::host::{ask, sealed::Sealed, Encoded, Outcome, Question};
use crate::json::Value;
use crate::plugin::{Facet, FacetState, Instance};
use crate::sys::*;
use crate::{Answer, Error, Host, Lane, Plugin};
use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// A policy's question: [`Access`], and [`later`](Question::later).
pub type Decide<'a> = Question<'a, Access<'a>, Ruling>;

/// A plugin that says who may do what. All methods run on the lane and must not block;
/// [`decide`](Policy::decide) is on the path of every call.
pub trait Policy: Plugin {
    /// What the plugin keeps for one configured policy.
    type Rules: Send + 'static;

    /// Whether [`classify`](Policy::classify) is written.
    const CLASSIFIES: bool = false;

    /// Begins to serve one configured policy; with the handle it tells later that its decisions changed.
    fn attach(&self, lane: &Lane, policy: Configured<'_>, handle: PolicyHandle)
        -> Result<Self::Rules, Error>;

    /// Ends that; the value is dropped afterwards.
    fn detach(&self, _lane: &Lane, _rules: &mut Self::Rules) {}

    /// Decides about one access. An error is no decision: whether the call goes on is the operator's
    /// `on_error`.
    fn decide(
        &self,
        lane: &Lane,
        rules: &mut Self::Rules,
        access: &mut Decide<'_>,
    ) -> Result<Answer<Ruling>, Error>;

    /// Names the class that a principal belongs to: those of one class are shown the same lists, until
    /// [`PolicyHandle::changed`].
    fn classify(&self, _lane: &Lane, _rules: &mut Self::Rules, _principal: Principal<'_>) -> Class {
        Class::Own
    }
}

/// Whose lists are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Those of this name.
    Named(Cow<'static, str>),
    /// This principal's own.
    Own,
    /// Nobody's: decisions depend on more than the principal, such as the time.
    None,
}

impl Class {
    /// Those of this name.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Class {
        Class::Named(name.into())
    }
}

/// One thing that somebody wants to do with one item.
pub struct Access<'a> {
    raw: jf_access,
    kept: PhantomData<&'a ()>,
}

impl<'a> Access<'a> {
    /// Who it is; may be nobody that is known.
    pub fn principal(&self) -> Principal<'a> {
        // SAFETY: borrowed until the slot returns, as is all below.
        unsafe { Principal::new(self.raw.principal) }
    }

    /// It is only asked whether a list shows the item.
    pub fn is_listing(&self) -> bool {
        self.raw.flags & JF_ACCESS_LISTING != 0
    }

    /// Nothing happens, somebody wants to know. Not to be counted.
    pub fn is_explaining(&self) -> bool {
        self.raw.flags & JF_ACCESS_EXPLAIN != 0
    }

    /// `JF_TOOLS`, `JF_RESOURCES`, `JF_TEMPLATES` or `JF_PROMPTS` of [`sys`](crate::sys).
    pub fn kind(&self) -> u32 {
        self.raw.kind
    }

    /// Of a tool: `JF_PICK_*` of [`sys`](crate::sys).
    pub fn traits(&self) -> u32 {
        self.raw.traits
    }

    /// The MCP method: "tools/call".
    pub fn action(&self) -> &'a str {
        word(self.raw.action)
    }

    /// The server's name in the configuration.
    pub fn server(&self) -> &'a str {
        word(self.raw.server)
    }

    /// The item as its server spells it: a tool's name, a URI.
    pub fn name(&self) -> &'a str {
        word(self.raw.name)
    }

    /// The item as this endpoint's clients know it.
    pub fn shown(&self) -> &'a str {
        word(self.raw.shown)
    }

    /// The endpoint ("/mcp").
    pub fn target(&self) -> &'a str {
        word(self.raw.target)
    }

    /// What the server listed of it; `None`: it is in no list.
    pub fn definition(&self) -> Result<Option<Value>, Error> {
        optional_json(self.raw.definition, "the definition")
    }

    /// A call's arguments; `None` where the item is only listed.
    pub fn arguments(&self) -> Result<Option<Value>, Error> {
        optional_json(self.raw.arguments, "the arguments")
    }

    /// The client's address, where one is known.
    pub fn address(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.address) }
    }

    /// The gateway's own region; `None`: not configured.
    pub fn region(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.region) }
    }

    /// The server's label of that name; a tag has an empty value.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        // SAFETY: as above.
        let mut labels = unsafe { pairs(self.raw.labels, self.raw.label_count) };
        labels.find(|(own, _)| *own == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        self.raw.now_ms
    }
}

fn optional_json(raw: jf_view, what: &str) -> Result<Option<Value>, Error> {
    // SAFETY: views of the host's structures, read while they hold.
    (!raw.ptr.is_null()).then(|| unsafe { json(raw, what) }).transpose()
}

impl std::fmt::Debug for Access<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Access({} {})", self.action(), self.name())
    }
}

/// What a policy decides. Literals are not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    decision: u32,
    is_dry: bool,
    rule: Option<Cow<'static, str>>,
    text: Option<Cow<'static, str>>,
    scopes: String,
}

impl Ruling {
    fn new(decision: u32) -> Ruling {
        Ruling { decision, is_dry: false, rule: None, text: None, scopes: String::new() }
    }

    /// It may.
    pub fn allow() -> Ruling {
        Ruling::new(JF_ALLOW)
    }

    /// It may not: 403, and [`text`](Ruling::text) for the client.
    pub fn deny() -> Ruling {
        Ruling::new(JF_DENY)
    }

    /// It may not, as if there were no such item.
    pub fn hide() -> Ruling {
        Ruling::new(JF_HIDE)
    }

    /// It may not unless it has all these scopes: the client can step up.
    pub fn needs(scopes: &[&str]) -> Ruling {
        Ruling { scopes: scopes.join(" "), ..Ruling::deny() }
    }

    /// Which rule decided, for audit and `jackfield explain`: "rules\[3\]".
    #[must_use]
    pub fn rule(self, rule: impl Into<Cow<'static, str>>) -> Ruling {
        Ruling { rule: Some(rule.into()), ..self }
    }

    /// A denial: one sentence for the client.
    #[must_use]
    pub fn text(self, text: impl Into<Cow<'static, str>>) -> Ruling {
        Ruling { text: Some(text.into()), ..self }
    }

    /// As a dry run: it is only recorded, the call goes on.
    #[must_use]
    pub fn dry(self) -> Ruling {
        Ruling { is_dry: true, ..self }
    }

    fn lend(&self, out: &mut jf_ruling) {
        let lent =
            |text: &Option<Cow<'static, str>>| text.as_ref().map_or(ABSENT, |text| view(text.as_bytes()));
        out.flags = if self.is_dry { JF_RULING_DRY } else { 0 };
        out.decision = self.decision;
        out.reserved = 0;
        out.rule = lent(&self.rule);
        out.text = lent(&self.text);
        out.scopes = if self.scopes.is_empty() { ABSENT } else { view(self.scopes.as_bytes()) };
    }
}

impl Sealed for Ruling {}
impl Outcome for Ruling {
    /// As it goes to the host later; at once it is no JSON.
    fn encode(self) -> Encoded {
        let word = match self.decision {
            JF_ALLOW => "allow",
            JF_DENY => "deny",
            _ => "hide",
        };
        let mut members = vec![("decision".to_owned(), Value::from(word))];
        members.extend(self.rule.map(|rule| ("rule".to_owned(), Value::from(rule.into_owned()))));
        members.extend(self.text.map(|text| ("text".to_owned(), Value::from(text.into_owned()))));
        if !self.scopes.is_empty() {
            members.push(("scopes".to_owned(), Value::from(self.scopes.split(' ').collect::<Vec<_>>())));
        }
        if self.is_dry {
            members.push(("dry".to_owned(), Value::from(true)));
        }
        Encoded::Bytes(Value::Object(members).to_string().into_bytes())
    }
}

/// Says that a policy's decisions may be others from now on. Any thread. `jf.policies/1`; without it nothing
/// happens.
#[derive(Clone, Debug)]
pub struct PolicyHandle {
    host: Host,
    /// 0 before `attach` is through.
    handle: Arc<AtomicU64>,
}

impl PolicyHandle {
    /// Lists are made anew, and clients hear that they changed.
    pub fn changed(&self) {
        let handle = self.handle.load(Ordering::Relaxed);
        self.host.core.with_host(|services| match services.policies {
            Some(jf_policies_1 { context, changed: Some(changed), .. }) if handle != 0 => {
                // SAFETY: [any].
                unsafe { changed(context, handle) }
            }
            _ => {}
        });
    }
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: Policy> Table<P> {
    const TABLE: jf_policy_1 = jf_policy_1 {
        size: std::mem::size_of::<jf_policy_1>() as u32,
        flags: 0,
        attach: Some(attach_policy::<P>),
        detach: Some(detach::<P>),
        decide: Some(decide::<P>),
        review: None,
        classify: if P::CLASSIFIES { Some(classify::<P>) } else { None },
        cancel: Some(cancel_question::<P>),
    };
    const REFERENCE: &'static jf_policy_1 = &Table::<P>::TABLE;
}

/// The policies, and the last ruling, whose texts the host reads until the next one.
struct Policies<T> {
    all: Attached<T>,
    last: RefCell<Option<Ruling>>,
}

impl<T: Send + 'static> FacetState for Policies<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn clear(&self) {
        self.all.clear();
    }
}

type State<P> = Policies<<P as Policy>::Rules>;

/// The facet, for the macro.
#[doc(hidden)]
pub fn facet<P: Policy>() -> Facet {
    Facet {
        id: JF_POLICY_1,
        table: (Table::<P>::REFERENCE as *const jf_policy_1).cast(),
        state: || Box::new(State::<P> { all: Attached::new(), last: RefCell::new(None) }),
    }
}

unsafe extern "C" fn attach_policy<P: Policy>(
    own: *mut jf_self,
    name: jf_view,
    config: jf_view,
    handle: *mut jf_ref,
    why: *mut jf_fault,
) -> i32 {
    attach_entry::<P>(own, name, config, handle, why, |lane, instance, plugin, configured| {
        let known = Arc::new(AtomicU64::new(0));
        let own = PolicyHandle { host: lane.host(), handle: Arc::clone(&known) };
        let rules = plugin.attach(lane, configured, own)?;
        let handle = instance.state::<State<P>>()?.all.insert(RefCell::new(rules));
        known.store(handle, Ordering::Relaxed);
        Ok(handle)
    })
}

unsafe extern "C" fn detach<P: Policy>(own: *mut jf_self, handle: jf_ref) {
    let detached = Instance::<P>::slot(own, |lane, instance, plugin| {
        if let Some(rules) = instance.state::<State<P>>()?.all.remove(handle) {
            if let Ok(mut rules) = rules.try_borrow_mut() {
                plugin.detach(lane, &mut rules);
            }
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("detach", detached);
}

unsafe extern "C" fn decide<P: Policy>(
    own: *mut jf_self,
    op: jf_ref,
    handle: jf_ref,
    access: *const jf_access,
    ruling: *mut jf_ruling,
    why: *mut jf_fault,
) -> i32 {
    let view = Access { raw: attach(access.cast()).unwrap_or_else(jf_access::zeroed), kept: PhantomData };
    let answered = ask::<P, _, _>(own, op, view, |lane, instance, plugin, question| {
        with_entry(&instance.state::<State<P>>()?.all, handle, |it| plugin.decide(lane, it, question))
    });
    let made = match answered {
        None => return JF_PENDING,
        Some(made) => made,
    };
    let kept = made.and_then(|made| {
        let mut last = Instance::<P>::behind(own).state::<State<P>>()?.last.borrow_mut();
        last.insert(made).lend(&mut *ruling);
        Ok(())
    });
    kept.map_or_else(|error| error.write(why), |()| JF_OK)
}

unsafe extern "C" fn classify<P: Policy>(
    own: *mut jf_self,
    handle: jf_ref,
    principal: *const jf_principal,
    name: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let class = Instance::<P>::slot(own, |lane, instance, plugin| {
        with_entry(&instance.state::<State<P>>()?.all, handle, |it| {
            Ok(plugin.classify(lane, it, Principal::new(principal)))
        })
    });
    match class {
        Ok(Class::Named(text)) => {
            *name = blob(text.into_owned().into_bytes());
            JF_OK
        }
        Ok(Class::Own) => JF_ABSENT,
        Ok(Class::None) => Error::unsupported("decisions depend on more than the principal").write(why),
        Err(error) => error.write(why),
    }
}
