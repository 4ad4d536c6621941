use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[activity]
async fn keeps_rc() -> u32 {
    let rc = std::rc::Rc::new(1);
    std::future::ready(()).await;
    *rc
}

fn main() {}
