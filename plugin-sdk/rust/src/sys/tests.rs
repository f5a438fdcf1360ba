// SPDX-License-Identifier: Apache-2.0
// The mirror against the golden layout of the SDK, which is made from the headers by a C compiler.

use super::*;
use crate::json::Value;

pub(crate) trait Measured {
    const NAME: &'static str;
    fn measured() -> Vec<(&'static str, usize, usize)>;
}

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../abi/jf-1.json");
    Value::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check<T: Measured>(structs: &Value, seen: &mut Vec<&'static str>) {
    let golden = &structs[T::NAME];
    assert_eq!(golden["size"].as_u64(), Some(std::mem::size_of::<T>() as u64), "{}", T::NAME);
    assert_eq!(golden["alignment"].as_u64(), Some(std::mem::align_of::<T>() as u64), "{}", T::NAME);
    let fields = golden["fields"].as_array().unwrap();
    let measured = T::measured();
    assert_eq!(fields.len(), measured.len(), "{}", T::NAME);
    for (field, (name, offset, size)) in fields.iter().zip(measured) {
        assert_eq!(field["name"].as_str(), Some(name), "{}", T::NAME);
        assert_eq!(field["offset"].as_u64(), Some(offset as u64), "{}.{name}", T::NAME);
        assert_eq!(field["size"].as_u64(), Some(size as u64), "{}.{name}", T::NAME);
    }
    seen.push(T::NAME);
}

macro_rules! check_all {
    ($structs:ident, $($name:ident)*) => {{
        let mut seen = Vec::new();
        $(check::<$name>(&$structs, &mut seen);)*
        seen
    }};
}

#[test]
fn every_structure_has_the_golden_layout() {
    let golden = golden();
    let structs = &golden["structs"];
    let seen = check_all!(structs,
        jf_view jf_blob jf_pair jf_fault jf_offer jf_plugin jf_callback_request jf_callback_1 jf_call_result
        jf_call jf_calls_1 jf_clock_1 jf_config_1 jf_channels_1 jf_usage jf_connector_1 jf_http_request
        jf_http_response jf_http_1 jf_interpose_plan jf_interpose_1 jf_client_info jf_inbound_1 jf_listener_1
        jf_log_1 jf_loop_1 jf_memory_1 jf_message jf_ops_1 jf_endpoint jf_pick jf_outcome jf_routing_1
        jf_seal_1 jf_signing_1 jf_store_entry jf_store_put jf_store_list jf_store_add jf_store_limit jf_store_verdict
        jf_watches_1 jf_store_1 jf_principal jf_credentials jf_identity_1 jf_auth_1 jf_demand jf_credentials_1 jf_connected_1 jf_access jf_ruling jf_policies_1 jf_policy_1 jf_passage jf_verdict jf_splice jf_spill jf_passed jf_filter_1 jf_state_1 jf_request jf_toolsets_1 jf_toolset_1);
    for (name, _) in structs.as_object().unwrap() {
        assert!(seen.contains(&name.as_str()), "{name} has no mirror");
    }
}

#[test]
fn constants_and_ids_are_the_golden_ones() {
    let golden = golden();
    let source = concat!(
        include_str!("auth.rs"),
        include_str!("base.rs"),
        include_str!("callback.rs"),
        include_str!("calls.rs"),
        include_str!("clock.rs"),
        include_str!("config.rs"),
        include_str!("connector.rs"),
        include_str!("credentials.rs"),
        include_str!("event_loop.rs"),
        include_str!("filter.rs"),
        include_str!("http.rs"),
        include_str!("interpose.rs"),
        include_str!("listener.rs"),
        include_str!("log.rs"),
        include_str!("memory.rs"),
        include_str!("message.rs"),
        include_str!("ops.rs"),
        include_str!("policy.rs"),
        include_str!("principal.rs"),
        include_str!("routing.rs"),
        include_str!("seal.rs"),
        include_str!("signing.rs"),
        include_str!("state.rs"),
        include_str!("store.rs"),
        include_str!("toolset.rs"),
    );
    for (name, value) in
        golden["constants"].as_object().unwrap().iter().chain(golden["ids"].as_object().unwrap())
    {
        let wanted = match value.as_str() {
            Some(text) => format!("pub const {name}: &[u8] = b\"{text}\\0\";"),
            None => format!(" = {};", value.as_i64().unwrap()),
        };
        let line = source.lines().find(|line| line.starts_with(&format!("pub const {name}:")));
        assert!(line.map_or(false, |line| line.ends_with(&wanted)), "{name}: {line:?}, not {wanted}");
    }
}

#[test]
fn a_shorter_or_longer_table_is_copied_as_far_as_it_goes() {
    unsafe extern "C" fn cancel(_: *mut jf_self, _: jf_ref) {}
    let mut table = jf_toolset_1::zeroed();
    table.size = 64;
    table.cancel = Some(cancel);
    // SAFETY: `table` is a whole structure, longer than it says.
    let cut: jf_toolset_1 = unsafe { attach((&table as *const jf_toolset_1).cast()) }.unwrap();
    assert!(cut.cancel.is_none());
    let long = [72u64, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7];
    // SAFETY: 88 bytes, and the structure says 72.
    let copied: jf_log_1 = unsafe { attach(long.as_ptr().cast()) }.unwrap();
    assert_eq!(copied.size, 72);
    let small = 4u32;
    // SAFETY: only its size is read.
    assert!(unsafe { attach::<jf_log_1>((&small as *const u32).cast()) }.is_none());
    // SAFETY: null is allowed.
    assert!(unsafe { attach::<jf_log_1>(std::ptr::null()) }.is_none());
}
