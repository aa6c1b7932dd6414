//! Link arguments of the wasm that is shipped: addresses in as few bytes as they need, where the linker leaves room for
//! any. It is a twentieth of the file. Names are stripped here, because Cargo forgets the profile's `strip` for a package
//! with settings of its own.

fn main() {
    let is = |name, value| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_FAMILY", "wasm") && is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-cdylib=--strip-all");
        println!("cargo::rustc-link-arg-cdylib=--compress-relocations");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
