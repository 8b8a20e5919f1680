//! A create without Lambda and without the store: the event is read, its body validated, the widget
//! made and rendered, and the answer written as Lambda takes it. `bench` measures it.
//!
//! `in_process <dialect> <batches> <times>`, the event on standard input: so many batches of so
//! many creates. Each line that it prints is the mean time of a create in a batch, in microseconds.

use std::{env, error::Error, hint::black_box, io, time::Instant};

use shared::{
    error::Error as RequestError,
    http::{Request, Response},
    model::{
        AccountId, Widget, WidgetSettings, assistant::Settings as InAssistant,
        pathway::Settings as InPathway,
    },
};

/// What a dialect makes of a request.
type Create = fn(&Request<'_>, AccountId) -> Result<Response, RequestError>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dialect, batches, times] = arguments.as_slice() else {
        return Err("in_process assistant|pathway <batches> <times>".into());
    };
    let create: Create = match dialect.as_str() {
        "assistant" => in_assistant,
        "pathway" => in_pathway,
        _ => return Err(format!("{dialect} is no dialect").into()),
    };
    let (batches, times): (u32, u32) = (batches.parse()?, times.parse()?);
    let account = AccountId::parse("d0000000-0000-4000-8000-000000000000")?;
    let event = io::read_to_string(io::stdin())?;
    for _ in 0..batches {
        let start = Instant::now();
        for _ in 0..times {
            let request =
                Request::parse(black_box(event.as_bytes())).map_err(|_| "this is no request")?;
            let answer =
                create(&request, account).map_err(|error| format!("refused: {error:?}"))?;
            black_box(serde_json::to_vec(&answer.into_gateway())?);
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
    }
    Ok(())
}

fn in_assistant(request: &Request<'_>, account: AccountId) -> Result<Response, RequestError> {
    let body = assistant::request::body(request)?;
    let widget = Widget::new(InAssistant::parse(body, account)?);
    assistant::views::written("Data created successfully", &widget)
}

fn in_pathway(request: &Request<'_>, account: AccountId) -> Result<Response, RequestError> {
    let widget = Widget::new(InPathway::parse(request.json()?, account)?);
    Ok(pathway::views::written(&widget))
}
