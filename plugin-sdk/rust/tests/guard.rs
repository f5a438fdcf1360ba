// SPDX-License-Identifier: Apache-2.0
//! Providers, policies, filters and sources of credentials under the mock host.

use jackfield::auth::{denied, same_secret, AuthProvider, Identification, Identify, Identity};
use jackfield::credentials::{self, CredentialSource, Supply};
use jackfield::filter::{Filter, Pass, Passed, Verdict};
use jackfield::guard::{Configured, Principal};
use jackfield::json::Value;
use jackfield::policy::{Class, Decide, Policy, PolicyHandle, Ruling};
use jackfield::sys::{JF_ANSWER, JF_PASS, JF_SPILL, JF_SPLICE};
use jackfield::testing::{Happened, Mock};
use jackfield::{Answer, Error, Lane, Pending, Plugin, Status};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// What the test holds of the plugin's questions.
#[derive(Default)]
struct Held {
    identify: RefCell<Option<Pending<Identification>>>,
    decide: RefCell<Option<Pending<Ruling>>>,
    pass: RefCell<Option<Pending<Verdict>>>,
    supply: RefCell<Option<Pending<Supply>>>,
    seen: RefCell<Vec<String>>,
}

thread_local!(static HELD: Held = Held::default());

fn held<R>(body: impl FnOnce(&Held) -> R) -> R {
    HELD.with(body)
}

struct Guard;

impl Plugin for Guard {
    fn create(_lane: &Lane, _config: &Value) -> Result<Guard, Error> {
        Ok(Guard)
    }
}

impl AuthProvider for Guard {
    type Provider = String;
    const DESCRIBES: bool = true;

    fn attach(&self, _lane: &Lane, provider: Configured<'_>) -> Result<String, Error> {
        match provider.config["realm"].as_str() {
            Some("no") => Err(Error::invalid("not this realm")),
            Some("panic") => panic!("attach"),
            _ => Ok(provider.name.to_owned()),
        }
    }

    fn detach(&self, _lane: &Lane, provider: &mut String) {
        held(|held| held.seen.borrow_mut().push(format!("detached {provider}")));
    }

    fn identify(
        &self,
        lane: &Lane,
        provider: &mut String,
        request: &mut Identify<'_>,
    ) -> Result<Answer<Identification>, Error> {
        let token = match request.bearer()? {
            Some(token) => token,
            None => return Ok(Identification::absent().into()),
        };
        match token {
            "later" => {
                let (pending, answer) = request.later()?;
                held(|held| *held.identify.borrow_mut() = Some(pending));
                return Ok(answer);
            }
            "lost" => return Ok(request.later()?.1),
            "both" => {
                let (pending, _) = request.later()?;
                pending.finish(Identity::new("first").into());
                return Ok(Identity::new("second").into());
            }
            "panic" => {
                let _pending = request.later()?;
                panic!("identify");
            }
            "forget" => lane.forget_identities(Some("key 1")),
            _ if same_secret(token.as_bytes(), b"alice's") => {}
            _ => return Err(denied("nobody has this token")),
        }
        Ok(Identity {
            tenant: Some("acme".into()),
            issuer: Some(provider.clone()),
            roles: vec!["admin".into(), "reader".into()],
            scopes: vec!["mcp".into()],
            attributes: vec![("local".into(), request.is_local().into())],
            credential: Some("key 1".into()),
            expires_ms: (request.now_ms() > 0).then_some(4_000_000_000_000),
            keep: Some(Duration::ZERO),
            ..Identity::new("al\"ice")
        }
        .into())
    }

    fn describe(&self, _lane: &Lane, _provider: &mut String) -> Result<Option<Value>, Error> {
        Ok(Some(Value::object([("scopes_supported", Value::from(vec!["a", "b"]))])))
    }
}

impl Policy for Guard {
    type Rules = PolicyHandle;
    const CLASSIFIES: bool = true;

    fn attach(
        &self,
        _lane: &Lane,
        _policy: Configured<'_>,
        handle: PolicyHandle,
    ) -> Result<PolicyHandle, Error> {
        handle.changed();
        Ok(handle)
    }

    fn decide(
        &self,
        _lane: &Lane,
        handle: &mut PolicyHandle,
        access: &mut Decide<'_>,
    ) -> Result<Answer<Ruling>, Error> {
        let limit = access.arguments()?.and_then(|arguments| arguments["limit"].as_i64());
        Ok(match access.name() {
            "later" => {
                let (pending, answer) = access.later()?;
                held(|held| *held.decide.borrow_mut() = Some(pending));
                return Ok(answer);
            }
            "broken" => return Err(Error::fault("no rules")),
            "secret" => Ruling::hide().rule("secrets"),
            "write" if !access.principal().has_scope("write") => {
                Ruling::needs(&["read", "write"]).rule("scopes").text("It needs more.")
            }
            "changed" => {
                handle.changed();
                Ruling::allow()
            }
            _ if limit > Some(10) => Ruling::deny().rule(format!("limit {}", 10)).dry(),
            _ if access.is_listing() => Ruling::allow().rule("listed"),
            _ => Ruling::allow(),
        }
        .into())
    }

    fn classify(&self, _lane: &Lane, _handle: &mut PolicyHandle, who: Principal<'_>) -> Class {
        match who.tenant() {
            _ if !who.is_known() => Class::Own,
            "" if who.has_role("odd") => Class::None,
            tenant => Class::named(format!("of {tenant}")),
        }
    }
}

impl Filter for Guard {
    type Sieve = ();
    const SEES_RESULTS: bool = true;
    const HEARS_ENDS: bool = true;

    fn attach(&self, _lane: &Lane, _filter: Configured<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn request(&self, _lane: &Lane, _: &mut (), passage: &mut Pass<'_>) -> Result<Answer<Verdict>, Error> {
        let root = || passage.argument("").ok_or_else(|| Error::fault("no arguments"));
        let verdict = match passage.name() {
            "later" => {
                let (pending, answer) = passage.later()?;
                held(|held| *held.pass.borrow_mut() = Some(pending));
                return Ok(answer);
            }
            "every" => passage
                .every_argument("iban")?
                .iter()
                .fold(Verdict::pass(), |verdict, part| verdict.replace(part, "*")),
            "cached" => Verdict::instead(&Value::object([("content", Value::Array(Vec::new()))])),
            "remember" => Verdict::pass().remember(77),
            "nested" => {
                let inner = passage.argument("/a/b").unwrap();
                Verdict::pass().replace(&passage.argument("/a").unwrap(), 1).replace(&inner, 2)
            }
            _ => match (passage.argument("/iban"), passage.argument("/empty")) {
                (Some(iban), Some(empty)) => Verdict::pass()
                    .add(&root()?, "by", passage.principal().subject())
                    .add(&root()?, "z", Value::Null)
                    .replace(&iban, "*\"*")
                    .add(&empty, "one", 1)
                    .remember(5),
                _ => Verdict::pass(),
            },
        };
        Ok(verdict.into())
    }

    fn result(&self, _lane: &Lane, _: &mut (), passage: &mut Pass<'_>) -> Result<Answer<Verdict>, Error> {
        if passage.is_error() {
            return Err(denied("no errors here"));
        }
        held(|held| held.seen.borrow_mut().push(format!("memory {}", passage.memory())));
        if let Some(large) = passage.part("/large") {
            let mut verdict = Verdict::pass();
            if large.value.as_str() != Some("alone") {
                verdict = verdict.replace(&large, Value::Null);
            }
            if passage.may_link() {
                let preview = Value::object([("content", Value::Array(Vec::new())), ("large", 1.into())]);
                verdict = verdict.keep(&preview, Duration::from_secs(1), 9);
            }
            return Ok(verdict.into());
        }
        Ok(match passage.part("/content") {
            Some(part) => Verdict::pass().replace(&part, Vec::<Value>::new()).into(),
            None => Verdict::pass().into(),
        })
    }

    fn ended(&self, _lane: &Lane, _: &mut (), call: &Passed) {
        held(|held| held.seen.borrow_mut().push(format!("ended {} {:?}", call.memory, call.failure)));
    }
}

impl CredentialSource for Guard {
    type Server = ();

    fn attach(&self, _lane: &Lane, _server: Configured<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn supply(
        &self,
        lane: &Lane,
        _server: &mut (),
        demand: &mut credentials::Ask<'_>,
    ) -> Result<Answer<Supply>, Error> {
        let who = demand.principal();
        Ok(match who.subject() {
            _ if demand.is_refused() => {
                lane.forget_supplies(Some(who.key()));
                return Err(denied("it was refused"));
            }
            "" => Supply::nothing(),
            "later" => {
                let (pending, answer) = demand.later()?;
                held(|held| *held.supply.borrow_mut() = Some(pending));
                return Ok(answer);
            }
            _ if demand.may_connect() => {
                lane.connected("id 1", Err(Status::Denied));
                Supply::connect("https://a.example/?x=1", "Agree, please.", "id 1")
            }
            _ => Supply::header("authorization", "Bearer \"x\"")
                .and_header("x-key", "k")
                .expires_ms(5000)
                .keep(Duration::ZERO),
        }
        .into())
    }
}

jackfield::plugin! {
    plugin: Guard,
    facets: [auth, policy, filter, credentials],
    manifest: r#"{"id": "guard", "version": "1.0.0", "abi": "1.1", "threads": "per-loop",
        "facets": ["jf.auth/1", "jf.policy/1", "jf.filter/1", "jf.credentials/1"],
        "requires": ["jf.loop/1", "jf.ops/1"],
        "optional": ["jf.log/1", "jf.identity/1", "jf.policies/1", "jf.connected/1"],
        "auth": {"provider": "members", "fields": ["authorization"]},
        "policy": {"policy": "rules"}, "filter": {"filter": "sieve"}, "credentials": {"source": "keys"}}"#,
}

fn bearer(mock: &mut Mock, list: u64, value: &str) -> u64 {
    mock.identify(list, &[("authorization", value)])
}

#[test]
fn providers_answer() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let list = mock.attach_provider("staff", "{}").unwrap();
    let op = bearer(&mut mock, list, "BEARER  alice's ");
    let alice = mock.answer(op);
    assert_eq!(
        alice.result.to_string(),
        r#"{"subject":"al\"ice","tenant":"acme","issuer":"staff","roles":["admin","reader"],"scopes":["mcp"],"attributes":{"local":true},"credential":"key 1","expires_ms":4000000000000,"keep_ms":0}"#
    );
    assert!(alice.is_inline);
    for absent in [&[][..], &[("authorization", "Basic x")][..]] {
        let op = mock.identify(list, absent);
        assert_eq!(mock.answer(op).status, 2);
    }
    for refused in ["Bearer ", "Bearer eve's", "Bearer alice'sx", "Bearer alice"] {
        let op = bearer(&mut mock, list, refused);
        let answer = mock.answer(op);
        assert!(answer.status == Status::Denied.code() && answer.is_public, "{refused}: {answer:?}");
    }
    let op = mock.identify(list, &[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    assert_eq!(mock.answer(op).text, "there are two fields authorization");
    assert_eq!(mock.describe(list).as_deref(), Some(r#"{"scopes_supported":["a","b"]}"#));
    bearer(&mut mock, list, "Bearer forget");
    assert_eq!(mock.wait_for(Happened::IdentityForgotten, 0).text, "key 1");
    mock.detach_provider(list);
    assert_eq!(held(|held| held.seen.borrow().clone()), ["detached staff"]);
    let op = bearer(&mut mock, list, "Bearer alice's");
    assert_eq!(mock.answer(op).status, Status::Stale.code());
    assert_eq!(mock.attach_provider("x", r#"{"realm": "no"}"#).unwrap_err().text, "not this realm");
    assert!(mock.attach_provider("x", r#"{"realm": "panic"}"#).unwrap_err().text.ends_with(": attach"));
}

#[test]
fn questions_are_answered_later_exactly_once() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let list = mock.attach_provider("staff", "{}").unwrap();
    let taken = || held(|held| held.identify.borrow_mut().take()).expect("a question");
    let later = |mock: &mut Mock| bearer(mock, list, "Bearer later");

    let op = later(&mut mock);
    assert_eq!(mock.answer(op).status, 1);
    // From another thread, and once.
    let pending = taken();
    assert!(std::thread::spawn(move || pending.finish(Identity::new("bob").into())).join().unwrap());
    assert_eq!(mock.wait(op).result.to_string(), r#"{"subject":"bob"}"#);

    let op = later(&mut mock);
    taken().finish(Identification::absent());
    assert_eq!(mock.wait(op).status, 2);
    let op = later(&mut mock);
    taken().fail(denied("no"));
    assert_eq!(mock.wait(op).status, Status::Denied.code());
    let op = later(&mut mock);
    drop(taken());
    assert!(mock.wait(op).text.contains("dropped a request"));
    let op = later(&mut mock);
    let (pending, told) = (taken(), Arc::new(AtomicBool::new(false)));
    let tell = Arc::clone(&told);
    pending.cancel_hook().on_cancel(move |_| tell.store(true, Ordering::Relaxed));
    mock.cancel(op, Status::Gone);
    mock.settle();
    assert!(told.load(Ordering::Relaxed) && !pending.is_wanted());
    drop(pending);

    for (value, status) in [("lost", Status::Fault), ("panic", Status::Fault)] {
        let op = bearer(&mut mock, list, &format!("Bearer {value}"));
        assert_eq!(mock.wait(op).status, status.code(), "{value}");
    }
    let op = bearer(&mut mock, list, "Bearer both");
    assert_eq!(mock.wait(op).result["subject"].as_str(), Some("first"));

    let op = later(&mut mock);
    let pending = taken();
    mock.stop();
    assert_eq!(mock.answer(op).status, Status::Gone.code());
    assert!(!pending.finish(Identity::new("late").into()));
}

#[test]
fn policies_decide() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let policy = mock.attach_policy("rules", "{}").unwrap();
    let ask = |mock: &mut Mock, tool: &str, who: Option<&str>, arguments: &str| {
        let op = mock.decide(policy, who, tool, arguments, None);
        mock.decided(op)
    };
    let it = ask(&mut mock, "read", None, "{}");
    assert_eq!((it.decision, it.rule.as_str(), it.is_dry), (Some("allow"), "", false));
    let it = ask(&mut mock, "secret", None, "{}");
    assert_eq!((it.decision, it.rule.as_str()), (Some("hide"), "secrets"));
    let it = ask(&mut mock, "write", Some(r#"{"subject":"a","scopes":["read"]}"#), "{}");
    assert_eq!(
        (it.decision, it.scopes.as_str(), it.text.as_str()),
        (Some("deny"), "read write", "It needs more.")
    );
    let it = ask(&mut mock, "write", Some(r#"{"subject":"b","scopes":["read","write"]}"#), "{}");
    assert_eq!(it.decision, Some("allow"));
    let it = ask(&mut mock, "read", None, r#"{"limit": 11}"#);
    assert_eq!((it.decision, it.is_dry, it.rule.as_str()), (Some("deny"), true, "limit 10"));
    assert_eq!(ask(&mut mock, "broken", None, "{}").status, Status::Fault.code());
    let op = mock.decide_listing(policy, None, "read");
    assert_eq!(mock.decided(op).rule, "listed");

    // Told while it is attached there is nobody yet to tell of.
    assert!(mock.events().iter().all(|event| event.what != Happened::PolicyChanged));
    ask(&mut mock, "changed", None, "{}");
    assert_eq!(mock.wait_for(Happened::PolicyChanged, 0).peer, policy);

    let op = mock.decide(policy, None, "later", "{}", None);
    let pending = held(|held| held.decide.borrow_mut().take()).unwrap();
    pending.finish(Ruling::needs(&["a", "b"]).rule("r").dry());
    assert_eq!(
        mock.wait(op).result.to_string(),
        r#"{"decision":"deny","rule":"r","scopes":["a","b"],"dry":true}"#
    );
    assert_eq!(mock.classify(policy, Some(r#"{"subject":"a","tenant":"acme"}"#)), Ok("of acme".into()));
    assert_eq!(mock.classify(policy, None), Err(2));
    let odd = mock.classify(policy, Some(r#"{"subject":"a","roles":["odd"]}"#));
    assert_eq!(odd, Err(Status::Unsupported.code()));
    mock.detach_policy(policy);
}

#[test]
fn filters_change() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let filter = mock.attach_filter("sieve", "{}").unwrap();
    let ann = Some(r#"{"subject":"ann"}"#);
    let op = mock.filter_request(filter, ann, "pay", Some(r#"{"iban": "DE1" , "empty": { }}"#));
    let it = mock.filtered(op);
    assert_eq!((it.status, it.decision, it.memory), (0, JF_SPLICE, 5));
    assert_eq!(
        it.body,
        r#"{"name":"pay","arguments":{"iban": "*\"*" , "empty": { "one":1},"by":"ann","z":null}}"#
    );
    let back = mock.filter_result(op, r#"{"content": [{"type":"text"}], "x": 1}"#);
    assert_eq!(mock.filtered(back).body, r#"{"content": [], "x": 1}"#);
    mock.filter_ended(op, Err(Status::Gone));
    assert_eq!(held(|held| held.seen.borrow().clone()), ["memory 5", "ended 5 Some(Gone)"]);

    let pass = |mock: &mut Mock, tool: &str, arguments: Option<&str>| {
        let op = mock.filter_request(filter, ann, tool, arguments);
        (op, mock.filtered(op))
    };
    assert_eq!(pass(&mut mock, "pay", None).1.decision, JF_PASS);
    let (op, it) = pass(&mut mock, "remember", None);
    assert_eq!((it.decision, it.memory), (JF_PASS, 77));
    mock.filter_ended(op, Ok(()));
    let it = pass(&mut mock, "cached", None).1;
    assert_eq!((it.decision, it.body.as_str()), (JF_ANSWER, r#"{"content":[]}"#));
    assert_eq!(pass(&mut mock, "nested", Some(r#"{"a":{"b":1}}"#)).1.status, Status::Fault.code());
    let (op, _) = pass(&mut mock, "pay", Some("{}"));
    let back = mock.filter_result(op, r#"{"content":[],"isError":true}"#);
    assert_eq!(mock.filtered(back).status, Status::Denied.code());

    let (op, it) = pass(&mut mock, "later", Some("{}"));
    assert_eq!(it.status, 1);
    let pending = held(|held| held.pass.borrow_mut().take()).unwrap();
    pending.finish(Verdict::instead(&Value::object([("content", 1.into())])));
    assert_eq!(mock.filtered(op).decision, JF_ANSWER);
    mock.detach_filter(filter);
}

#[test]
fn filters_keep_results() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let filter = mock.attach_filter("sieve", "{}").unwrap();
    let large = r#"{"content": [], "large": "12345"}"#;
    let cut = r#"{"content": [], "large": null}"#;
    let back = mock.filter_linked_result(filter, "pay", large);
    let it = mock.filtered(back);
    assert_eq!((it.status, it.decision, it.body.as_str()), (0, JF_SPILL, cut));
    let alone = r#"{"content": [], "large": "alone"}"#;
    let back = mock.filter_linked_result(filter, "pay", alone);
    let it = mock.filtered(back);
    assert_eq!((it.status, it.decision, it.body.as_str()), (0, JF_SPILL, alone));
    let op = mock.filter_request(filter, None, "pay", None);
    let back = mock.filter_result(op, large);
    let it = mock.filtered(back);
    assert_eq!((it.status, it.decision, it.body.as_str()), (0, JF_SPLICE, cut));
    mock.detach_filter(filter);
}

#[test]
fn repeated_arguments_are_all_there() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let filter = mock.attach_filter("sieve", "{}").unwrap();
    let op =
        mock.filter_request(filter, None, "every", Some(r#"{"iban":1, "a":{"iban":2},"ib\u0061n":"3"}"#));
    let body = r#"{"name":"every","arguments":{"iban":"*", "a":{"iban":2},"ib\u0061n":"*"}}"#;
    assert_eq!(mock.filtered(op).body, body);
    let op = mock.filter_request(filter, None, "every", None);
    assert_eq!(mock.filtered(op).decision, JF_PASS);
    let op = mock.filter_request(filter, None, "every", Some(r#"{"iban":"\ud800"}"#));
    let it = mock.answer(op);
    assert_eq!((it.status, it.is_public), (Status::Invalid.code(), true), "{}", it.text);
    mock.detach_filter(filter);
}

#[test]
fn sources_supply() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let source = mock.attach_source("search", "{}").unwrap();
    let ann = Some(r#"{"subject":"ann"}"#);
    let op = mock.supply(source, ann, false, false);
    assert_eq!(
        mock.answer(op).result.to_string(),
        r#"{"headers":{"authorization":"Bearer \"x\"","x-key":"k"},"expires_ms":5000,"keep_ms":0}"#
    );
    let op = mock.supply(source, None, false, false);
    assert_eq!(mock.answer(op).status, 2);
    let op = mock.supply(source, ann, false, true);
    assert_eq!(mock.answer(op).result["connect"]["id"].as_str(), Some("id 1"));
    let told = mock.wait_for(Happened::Connected, 0);
    assert_eq!((told.text.as_str(), told.status), ("id 1", Status::Denied.code()));
    let op = mock.supply(source, ann, true, false);
    assert_eq!(mock.answer(op).status, Status::Denied.code());
    assert!(!mock.wait_for(Happened::SupplyForgotten, 0).text.is_empty());
    let op = mock.supply(source, Some(r#"{"subject":"later"}"#), false, false);
    held(|held| held.supply.borrow_mut().take()).unwrap().finish(Supply::header("x-key", "k"));
    assert_eq!(mock.wait(op).result.to_string(), r#"{"headers":{"x-key":"k"}}"#);
    mock.detach_source(source);
}
