//! A store that does not answer or is unreachable.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Widgets, World, app_of_level,
    requests::{CASES, Case},
    ways::OF_A_FAILING_STORE,
};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

/// Returns the cases that call the store, with the widgets of each dialect.
fn cases(world: &World) -> impl Iterator<Item = (&Widgets, &'static Case)> {
    let names = ["create", "create once", "read", "update", "list", "public"];
    let cases = CASES.iter().filter(move |case| names.contains(&case.name));
    world.widgets.iter().flat_map(move |widgets| cases.clone().map(move |case| (widgets, case)))
}

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
    let world = World::new(&patient, &[app.key.clone(), patient.key.clone()]).await;
    let [way, _] = &OF_A_FAILING_STORE;
    let ask = |(widgets, case)| world.ask(&app, widgets, case, way);
    // The functions know the key before the store is stuck.
    join_all(cases(&world).map(ask)).await;
    for fault in [Fault::Silent(Effect::Done), Fault::Trickle] {
        proxy.plan(move |_, _| fault);
        for (id, status) in join_all(cases(&world).map(ask)).await {
            assert_eq!(status, 503, "{fault:?}");
            app.logged_any(&id.unwrap()).await;
        }
    }
    assert!(app.log().contains("not done before the function's timeout"));

    // The functions of another stack cannot reach the store when they start.
    proxy.plan(|_, _| Fault::None);
    let gone = app_of_level(&proxy, "TRACE").await;
    drop(proxy);
    for (widgets, case) in cases(&world) {
        let (id, status) = world.ask(&gone, widgets, case, way).await;
        assert_eq!(status, 503, "{}", case.name);
        gone.logged_any(&id.unwrap()).await;
        gone.logged(widgets.dialect.function, r#""level":"WARN""#).await;
    }
    for app in [&app, &gone] {
        world.expect_clean(&app.log());
    }
}
