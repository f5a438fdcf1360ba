// SPDX-License-Identifier: Apache-2.0
//! The service under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::sys::{jf_blob, jf_seal_1, jf_view};
use jackfield::testing::{built_library, Mock};
use PLUGIN_CRATE::jf_entry_1;

/// Calls a slot; what it gives, or its status.
fn run(mock: &Mock, is_seal: bool, text: &str, bound: &str) -> Result<String, i32> {
    let view = |text: &str| jf_view { ptr: text.as_ptr(), len: text.len() as u64 };
    let mut out = jf_blob { ptr: std::ptr::null(), len: 0, owner: std::ptr::null_mut(), drop: None };
    // SAFETY: the plugin's own table, called as its header says.
    unsafe {
        let table = &*mock.facet("jf.seal/1").cast::<jf_seal_1>();
        let slot = if is_seal { table.seal } else { table.open };
        match slot.unwrap()(table.context, view(text), view(bound), &mut out, std::ptr::null_mut()) {
            0 => {
                let bytes = std::slice::from_raw_parts(out.ptr, out.len as usize).to_vec();
                out.drop.unwrap()(out.owner);
                Ok(String::from_utf8(bytes).unwrap())
            }
            status => Err(status),
        }
    }
}

/// The vault is the process's: one test at a time.
#[test]
fn keeps_and_forgets() {
    let mock = Mock::up(jf_entry_1, r#"{"most": 16}"#);
    let first = run(&mock, true, "state", "ann").unwrap();
    assert_ne!(first, run(&mock, true, "state", "ann").unwrap());
    for _ in 0..2 {
        assert_eq!(run(&mock, false, &first, "ann").unwrap(), "state");
    }
    assert_eq!(run(&mock, false, &first, "bob"), Err(-1));
    let changed =
        if first.starts_with('0') { first.replacen('0', "1", 1) } else { format!("0{}", &first[1..]) };
    assert_eq!(run(&mock, false, &changed, "ann"), Err(-1));
    assert_eq!(run(&mock, false, "", "ann"), Err(-1));
    assert_eq!(run(&mock, false, &first[..39], "ann"), Err(-1));
    for _ in 0..16 {
        run(&mock, true, "more", "").unwrap();
    }
    assert_eq!(run(&mock, false, &first, "ann"), Err(-1));
}

#[test]
fn the_library_agrees_with_its_manifest() {
    let mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let sealed = run(&mock, true, "", "").unwrap();
    assert_eq!(run(&mock, false, &sealed, "").unwrap(), "");
}
