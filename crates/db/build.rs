//! The migrations are compiled in: a new one has to make this crate be built again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
