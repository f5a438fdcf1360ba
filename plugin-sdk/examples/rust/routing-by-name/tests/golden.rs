// SPDX-License-Identifier: Apache-2.0
//! The plugin under the mock host, through the cases that the examples of all languages share.

use jackfield::json::Value;
use jackfield::testing::{built_library, Mock};
use jackfield::Status;
use routing_by_name::jf_entry_1;
use std::time::Duration;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../routing-by-name.json");

fn step(mock: &mut Mock, server: u64, endpoints: &[u64], step: &Value) {
    if let Some(name) = step["pick"].as_str() {
        let expected = step["expect"].as_u64().map(|index| index as usize);
        assert_eq!(mock.pick(server, name, endpoints), Ok(expected), "{step}");
    } else if let Some(endpoint) = step["observe"].as_u64() {
        let status = step["status"].as_i64().unwrap() as i32;
        mock.observe(server, endpoint, status, Duration::from_millis(1));
    } else if let Some(text) = step["export"].as_str() {
        assert_eq!(mock.export_state(server), Ok(text.as_bytes().to_vec()), "{step}");
    } else if let Some(text) = step["import"].as_str() {
        let status = mock.import_state(server, text.as_bytes()).map_or_else(|refused| refused.status, |()| 0);
        assert_eq!(i64::from(status), step["status"].as_i64().unwrap_or(0), "{step}");
    } else {
        panic!("an unknown step: {step}");
    }
}

fn run_all(mut mock: Mock) {
    let cases = Value::parse(&std::fs::read_to_string(GOLDEN).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let config = Value::object([("seed", case["seed"].clone())]).to_string();
        let server = mock.attach_server(case["name"].as_str().unwrap(), &config).unwrap();
        let endpoints: Vec<u64> =
            case["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint.as_u64().unwrap()).collect();
        let steps = case["steps"].as_array().unwrap();
        assert!(!steps.is_empty());
        steps.iter().for_each(|it| step(&mut mock, server, &endpoints, it));
        mock.detach_server(server);
    }
}

#[test]
fn gives_the_golden_answers() {
    run_all(Mock::up(jf_entry_1, "{}"));
}

#[test]
fn so_does_the_library() {
    run_all(Mock::up_library(&built_library("routing_by_name"), "{}"));
}

#[test]
fn refuses_what_is_no_seed() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    for config in [r#"{"seed": -1}"#, r#"{"seed": 4294967296}"#, r#"{"seed": "x"}"#] {
        assert_eq!(mock.attach_server("s", config).unwrap_err().status, Status::Invalid.code(), "{config}");
    }
    let server = mock.attach_server("s", "{}").unwrap();
    assert_eq!(mock.pick(server, "search", &[7]), Ok(Some(0)));
    mock.detach_server(server);
    assert_eq!(mock.pick(server, "search", &[7]).unwrap_err().status, Status::Stale.code());
}
