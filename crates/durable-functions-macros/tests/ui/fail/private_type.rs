use durable_functions::prelude::*;

mod orders {
    use durable_functions::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Order {
        number: u32,
    }

    #[activity]
    pub async fn place(order: Order) -> u32 {
        order.number
    }
}

fn main() {
    let _ = FunctionApp::new().register(orders::place);
}
