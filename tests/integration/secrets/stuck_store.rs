//! A store that does not answer or is unreachable.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    World, app_of_level,
    keys::Keys,
    requests::{CASES, Case},
    ways::OF_A_FAILING_STORE,
};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn stuck_or_unreachable_store_leaks_no_secret() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |options| {
        for function in &mut options.template.functions {
            function.timeout = Duration::from_secs(1);
            function.log_level = Some("TRACE".to_owned());
        }
    })
    .await;
    let patient = TestApp::start_over(&proxy, |_| {}).await;
    let world = World::new(&patient, Keys::new(), &[app.key.clone(), patient.key.clone()]).await;
    let names = ["create", "create once", "read", "update", "list", "public"];
    let asked = CASES.iter().filter(|case| names.contains(&case.name));
    let of_all = |asked: Vec<&'static Case>| {
        let (world, app) = (&world, &app);
        let pairs = world
            .widgets
            .iter()
            .flat_map(move |widgets| asked.clone().into_iter().map(move |case| (widgets, case)));
        pairs.map(async |(widgets, case)| {
            world.ask(app, widgets, case, &OF_A_FAILING_STORE[0]).await
        })
    };
    // Known before the store is stuck.
    join_all(of_all(asked.clone().collect())).await;
    for fault in [Fault::Silent(Effect::Done), Fault::Trickle] {
        proxy.plan(move |_, _| fault);
        for (id, status) in join_all(of_all(asked.clone().collect())).await {
            assert_eq!(status, 503, "{fault:?}");
            app.logged_any(&id.unwrap()).await;
        }
    }
    assert!(app.log().contains("not done before the function's timeout"));

    // Another stack, whose functions do not find it when they start.
    proxy.plan(|_, _| Fault::None);
    let gone = app_of_level(&proxy, "TRACE").await;
    drop(proxy);
    for widgets in &world.widgets {
        for case in asked.clone() {
            let (id, status) = world.ask(&gone, widgets, case, &OF_A_FAILING_STORE[0]).await;
            assert_eq!(status, 503, "{}", case.name);
            gone.logged_any(&id.unwrap()).await;
        }
        gone.logged(widgets.dialect.function, r#""level":"WARN""#).await;
    }
    for app in [&app, &gone] {
        world.expect_clean(&app.log());
    }
}
