//! A peer in a process of its own, for the rows of the endings matrix whose other end exits or is killed.

fn main() -> std::io::Result<()> {
    lastword_load::peer::carry_out_orders()
}
