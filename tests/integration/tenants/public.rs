//! Public reads and OpenAPI documents. Every caller gets the same answer.

use serde_json::Value;

use super::{Accounts, Kind, PRECONDITIONS, at, expect_no_difference, routes};
use crate::support::app::{keys_in_order, raw_data};

/// The public fields of a widget, by dialect.
const PUBLIC: [(&str, &str); 2] = [
    (
        "assistant",
        "bubble_bot_icon bubble_color bubble_text display_name intro_message user_opening_messages header_color \
         user_message_color bot_message_color bot_icon_color remove_branding conversation_bot_icon ice_break_color \
         user_text_message_color bot_text_message_color header_text_color textbox_default_text action_buttons \
         action_buttons_color style_params widget_type",
    ),
    ("pathway", "id config messages_per_minute"),
];

#[tokio::test]
async fn public_view_is_the_same_for_every_caller_and_holds_nothing_else() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.kept().await;
    let allowed = format!("https://{}.example", there.their_mark);
    for (dialect, route) in routes(Kind::Public) {
        let theirs = at(&route, &there.theirs[dialect.name][1]);
        // Whoever asks, by whichever key or none.
        let mut bodies = Vec::new();
        for key in ["", &app.key, &there.other_key, "in-unknown"] {
            let answer = there.send(key, "GET", &theirs, &[("origin", &allowed)], "").await;
            assert_eq!((answer.status, answer.version()), (200, 1), "{answer:?}");
            bodies.push(answer.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        let fields = PUBLIC.iter().find(|(name, _)| *name == dialect.name).unwrap().1;
        assert_eq!(
            keys_in_order(&raw_data(&bodies[0])),
            fields.split_whitespace().collect::<Vec<_>>()
        );
        let sent: Value = serde_json::from_str(&(dialect.marked)(there.their_mark)).unwrap();
        let shown: Value = serde_json::from_str(&raw_data(&bodies[0])).unwrap();
        for (field, value) in shown.as_object().unwrap() {
            let is_of_the_body = sent.get(field).is_none_or(|sent| sent == value);
            assert!(is_of_the_body || field == "id" || value.is_null(), "{field} {value}");
        }
        // What is private is in no other place of it either.
        for (field, value) in
            sent.as_object().unwrap().iter().filter(|(field, _)| shown.get(field).is_none())
        {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            assert!(
                text == there.their_mark.to_string() || !bodies[0].contains(&text),
                "{field}: {}",
                bodies[0]
            );
        }

        // Where there is none in the dialect, or none any more, it is not there.
        let mut not_there = there.not_there(dialect);
        not_there.retain(|id| !there.theirs[dialect.name].contains(id));
        assert_eq!(not_there.len(), 5);
        let methods: &[&str] =
            if dialect.name == "assistant" { &["GET"] } else { &["GET", "OPTIONS"] };
        let mut groups = Vec::new();
        for method in methods {
            for (headers, is_readable) in PRECONDITIONS {
                for origin in [
                    &[][..],
                    &[("origin", allowed.as_str())],
                    &[("origin", "https://elsewhere.example")],
                ] {
                    let headers = [headers, origin].concat();
                    let mut answers = Vec::new();
                    for id in &not_there {
                        let answer = app.send(method, &at(&route, id), &headers, "").await;
                        let is_refused = !is_readable && *method == "GET";
                        assert_eq!(
                            answer.status == 404,
                            !is_refused,
                            "{method} {headers:?}: {answer:?}"
                        );
                        answers.push((id.clone(), answer));
                    }
                    groups.push((format!("{method} {route:?} {headers:?}"), answers));
                }
            }
        }
        expect_no_difference(app, &groups).await;

        // A page of another origin than the widget's is told that, and of which widget or account
        // it is makes no difference.
        if dialect.name == "pathway" {
            let own = at(&route, &there.own[dialect.name][0]);
            for method in methods {
                let mut refusals = Vec::new();
                for (path, headers) in PRECONDITIONS
                    .iter()
                    .filter(|(_, is_readable)| *is_readable)
                    .flat_map(|(headers, _)| {
                        [&theirs, &own].map(|path| {
                            (path, [*headers, &[("origin", "https://elsewhere.example")]].concat())
                        })
                    })
                {
                    let answer = app.send(method, path, &headers, "").await;
                    assert_eq!(answer.status, 403, "{answer:?}");
                    assert!(
                        !answer.headers.contains_key("etag")
                            && there.is_free_of_theirs(&answer.body),
                        "{answer:?}"
                    );
                    refusals.push((path.rsplit('/').nth(1).unwrap().to_owned(), answer));
                }
                expect_no_difference(app, &[(format!("{method} {route:?}"), refusals)]).await;
            }
        }
    }
    // Descriptions are of no account's widgets.
    for (_, route) in routes(Kind::Description) {
        let [own, theirs] = [app.key.as_str(), there.other_key.as_str()];
        let [own, theirs] = [
            there.send(own, "GET", &route.path, &[], "").await,
            there.send(theirs, "GET", &route.path, &[], "").await,
        ];
        assert_eq!((own.status, &own.body), (200, &theirs.body));
    }
    assert_eq!(there.kept().await, before);
}
