//! The engine's own combinators and those of the `futures` crate.

use futures::future::{join_all, select, select_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, select_biased};

use super::*;
use crate::{Call, Either};

fn letters(ctx: &OrchestrationContext, count: usize) -> Vec<Call<String>> {
    (0..count)
        .map(|number| ctx.call_by_name("letter", number))
        .collect()
}

/// A turn in which these of `count` calls have ended, in this order, each with its number as text;
/// those above 100 failed.
fn ended(count: i32, order: &[i32]) -> Turn {
    let turn = (0..count).fold(first(), |turn, id| turn.scheduled(id, "letter"));
    order.iter().fold(turn.next(), |turn, id| match id {
        100.. => turn.failed(
            id - 100,
            Some(Failure::new("E", format!("{}", id - 100)).to_proto()),
        ),
        id => turn.completed(*id, &format!(r#""{id}""#)),
    })
}

async fn all(ctx: OrchestrationContext) -> Result<String> {
    Ok(ctx.all(letters(&ctx, 3)).await?.concat())
}

#[test]
fn all_gives_every_value_in_order_or_the_first_error() {
    assert_eq!(output(&run(&ended(3, &[2, 0, 1]), all)), r#""012""#);
    assert!(completion(&run(&ended(3, &[2, 0]), all)).is_none());
    let failed = run(&ended(3, &[102, 101]), all);
    assert_eq!(failure_of(&failed).root_cause().message, "2");
    let nothing = run(&first(), async |ctx: OrchestrationContext| {
        Ok(ctx.all(letters(&ctx, 0)).await?.concat())
    });
    assert_eq!(output(&nothing), r#""""#);
}

#[test]
fn any_gives_the_first_success_or_the_last_error() {
    let any = async |ctx: OrchestrationContext| ctx.any(letters(&ctx, 3)).await;
    assert_eq!(output(&run(&ended(3, &[101, 2, 0]), any)), r#""2""#);
    assert!(completion(&run(&ended(3, &[101, 100]), any)).is_none());
    let failed = run(&ended(3, &[101, 102, 100]), any);
    assert_eq!(failure_of(&failed).root_cause().message, "0");
}

#[test]
fn a_race_gives_one_after_another_in_the_order_of_history() {
    let race = async |ctx: OrchestrationContext| {
        let mut race = ctx.race(letters(&ctx, 3));
        let mut order = String::new();
        while let Some((number, letter)) = race.next().await {
            assert_eq!(letter?, number.to_string());
            if order.is_empty() {
                assert_eq!(race.push(ctx.call_by_name("letter", 3)), 3);
            }
            order += &number.to_string();
        }
        Ok(order)
    };
    let turn = ended(3, &[1, 2]);
    let turn = turn.answered(&run(&ended(3, &[1, 2]), race));
    let turn = turn.completed(3, r#""3""#).completed(0, r#""0""#);
    assert_eq!(output(&run(&turn, race)), r#""1230""#);
    // two of one turn, in the order of the events
    assert_eq!(
        output(&run(
            &ended(3, &[2, 0]),
            async |ctx: OrchestrationContext| {
                let (winner, letter) = ctx.race(letters(&ctx, 3)).await;
                Ok(format!("{winner} {}", letter?))
            }
        )),
        r#""2 2""#
    );
}

#[test]
fn a_race_of_nothing_is_told() {
    for name in ["race", "any"] {
        let response = run(&first(), move |ctx: OrchestrationContext| async move {
            match name {
                "any" => ctx.any(letters(&ctx, 0)).await,
                _ => ctx.race(letters(&ctx, 0)).await.1,
            }
        });
        let failure = failure_of(&response);
        assert_eq!(failure.error_type, "EmptyRace");
        assert!(failure.message.contains(name), "{failure}");
    }
}

#[test]
fn either_gives_the_first_of_two_kinds() {
    let either = async |ctx: OrchestrationContext| {
        let event = ctx.wait_for_event::<String>("E");
        match ctx.either(event, ctx.sleep(Duration::from_secs(9))).await {
            Either::First(payload) => payload,
            Either::Second(()) => Ok("late".into()),
        }
    };
    let turn = first();
    let turn = turn.answered(&run(&first(), either));
    let raised = turn.clone().raised("E", r#""x""#).fired(0);
    assert_eq!(output(&run(&raised, either)), r#""x""#);
    assert_eq!(output(&run(&turn.fired(0), either)), r#""late""#);
}

/// Combinators in combinators, of both kinds, in all orders of ending.
#[test]
fn combinators_nest() {
    async fn nested(ctx: OrchestrationContext) -> Result<String> {
        let mut calls = letters(&ctx, 6).into_iter();
        let mut pair = || -> Vec<_> { calls.by_ref().take(2).collect() };
        let (first, second, third) = (pair(), pair(), pair());
        let inner = ctx.all(first);
        let other = try_join_all(second);
        let mut unordered: FuturesUnordered<_> = third.into_iter().collect();
        let stream = async move {
            let mut text = Vec::new();
            while let Some(letter) = unordered.next().await {
                text.push(letter?);
            }
            text.sort();
            Ok(text)
        };
        let members = vec![
            inner.boxed_local(),
            other.boxed_local(),
            stream.boxed_local(),
        ];
        Ok(ctx.all(members).await?.concat().concat())
    }
    let mut orders = vec![vec![]];
    for id in 0..6 {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<i32>| {
                (0..=order.len()).map(move |place| {
                    let mut order = order.clone();
                    order.insert(place, id);
                    order
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        assert_eq!(
            output(&run(&ended(6, &order), nested)),
            r#""012345""#,
            "{order:?}"
        );
    }
}

#[test]
fn combinators_of_futures_work_also_with_many() {
    const COUNT: i32 = 100;
    let order: Vec<i32> = (0..COUNT).map(|id| id * 37 % COUNT).collect();
    let everything: String = (0..COUNT).map(|id| id.to_string()).collect();
    let expected = serde_json::to_string(&everything).unwrap();
    let joined = async |ctx: OrchestrationContext| {
        let letters: Result<Vec<_>> = join_all(letters(&ctx, 100)).await.into_iter().collect();
        Ok(letters?.concat())
    };
    assert_eq!(output(&run(&ended(COUNT, &order), joined)), expected);
    let tried =
        async |ctx: OrchestrationContext| Ok(try_join_all(letters(&ctx, 100)).await?.concat());
    assert_eq!(output(&run(&ended(COUNT, &order), tried)), expected);
    let selected = async |ctx: OrchestrationContext| {
        let mut letters = letters(&ctx, 100);
        let mut order = String::new();
        while !letters.is_empty() {
            let (letter, _, rest) = select_all(letters).await;
            order += &letter?;
            letters = rest;
        }
        Ok(order)
    };
    let in_order: String = order.iter().map(i32::to_string).collect();
    assert_eq!(
        output(&run(&ended(COUNT, &order), selected)),
        serde_json::to_string(&in_order).unwrap()
    );
}

#[test]
fn tasks_can_be_selected_with_a_bias() {
    let biased = async |ctx: OrchestrationContext| {
        let (mut a, mut b) = (
            ctx.call_by_name::<String>("letter", 0),
            ctx.sleep(Duration::ZERO),
        );
        select_biased! {
            letter = a => letter,
            () = b => Ok("time".into()),
        }
    };
    let turn = first();
    let turn = turn.answered(&run(&first(), biased));
    assert_eq!(
        output(&run(&turn.clone().completed(0, r#""x""#), biased)),
        r#""x""#
    );
    assert_eq!(output(&run(&turn.fired(1), biased)), r#""time""#);
    let selected = async |ctx: OrchestrationContext| {
        let mut calls = letters(&ctx, 2).into_iter();
        let (a, b) = (calls.next().unwrap(), calls.next().unwrap());
        match select(a, b).await {
            futures::future::Either::Left((letter, _)) => letter,
            futures::future::Either::Right((letter, a)) => Ok(letter? + &a.await?),
        }
    };
    assert_eq!(output(&run(&ended(2, &[1, 0]), selected)), r#""10""#);
}
