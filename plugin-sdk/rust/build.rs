// SPDX-License-Identifier: Apache-2.0
// Compiles the mock host, but only for the feature `testing`; plugins themselves need no C compiler.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_TESTING").is_none() {
        return;
    }
    for variable in ["JACKFIELD", "CC", "AR"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let prefix = env::var_os("JACKFIELD").map(PathBuf::from);
    // $JACKFIELD is an installed tree. Without it: the neighbours of this crate, in the source tree or
    // installed.
    let sources = match &prefix {
        Some(prefix) => vec![prefix.join("share/jackfield/testing/c")],
        None => vec![here.join("../testing/c")],
    };
    let includes = match &prefix {
        Some(prefix) => vec![prefix.join("include")],
        None => vec![here.join("../include"), here.join("../../../include")],
    };
    let sources = find(&sources, "jf_mock.c");
    let include = find(&includes, "jackfield/jackfield.h");

    let mut objects = Vec::new();
    let mut files: Vec<PathBuf> = sources
        .read_dir()
        .expect("the folder of the mock host")
        .map(|entry| entry.expect("an entry of the mock host's folder").path())
        .collect();
    files.sort();
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        if file.extension().map_or(true, |extension| extension != "c") {
            continue;
        }
        let object = out.join(file.file_stem().expect("a file has a name")).with_extension("o");
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        run(Command::new(compiler)
            .args(["-std=c11", "-O1", "-g", "-fPIC", "-pthread", "-c", "-I"])
            .arg(&include)
            .arg(&file)
            .arg("-o")
            .arg(&object));
        objects.push(object);
    }
    let archive = out.join("libjf_mock.a");
    // An archive that is there already would keep what its sources no longer have.
    let _ = std::fs::remove_file(&archive);
    run(Command::new(env::var_os("AR").unwrap_or_else(|| "ar".into()))
        .arg("crs")
        .arg(&archive)
        .args(objects));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=jf_mock");
    for library in ["m", "pthread", "dl"] {
        println!("cargo:rustc-link-lib={library}");
    }
}

fn find(folders: &[PathBuf], file: &str) -> PathBuf {
    let found = folders.iter().find(|folder| folder.join(file).is_file());
    found.cloned().unwrap_or_else(|| {
        let looked: Vec<_> = folders.iter().map(|folder: &PathBuf| show(folder)).collect();
        panic!(
            "{file} is not in {}: set JACKFIELD to the folder where Jackfield is installed",
            looked.join(" or ")
        )
    })
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?} failed: {status}"),
        Err(error) => {
            panic!("{command:?} cannot be run: {error}; the feature `testing` needs a C compiler and ar")
        }
    }
}
