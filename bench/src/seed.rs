//! An owner with a session, and many accounts in every state, written through the product's own operations.

use anyhow::{Context, Result};
use posthouse::accounts::{self, AccountId, NewAccount, Provider};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::server::Running;
use posthouse::team::{self, Scope, UserId};
use serde_json::{Value, json};

/// Fills the database; gives the owner's cookie.
///
/// # Errors
/// When the program refuses what it is told.
pub async fn fill(config: &Config, accounts: usize) -> Result<String> {
    let running = posthouse::server::start(config.clone(), Clock::system()).await?;
    let (cookie, ids) = own(&running).await?;
    insert(&running.app, ids, accounts).await?;
    running.stop().await;
    Ok(cookie)
}

/// Makes an owner; gives their cookie, workspace and id.
///
/// # Errors
/// When the program refuses what it is told.
pub async fn own(running: &Running) -> Result<(String, (Scope, UserId))> {
    let base = format!("http://{}/api/v1", running.addr);
    let cookie = owner(&running.app, &base).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let session = client.get(format!("{base}/session")).header("cookie", &cookie).send().await?.text().await?;
    let session: Value = serde_json::from_str(&session)?;
    let workspace = session.pointer("/workspace/id").and_then(Value::as_str).context("no workspace")?;
    let user = session.pointer("/user/id").and_then(Value::as_str).context("no user")?;
    let ids = (Scope::of(workspace.parse().ok().context("workspace id")?), user.parse().ok().context("user id")?);
    Ok((cookie, ids))
}

async fn owner(app: &App, base: &str) -> Result<String> {
    let link = team::setup_link(app).await?.context("somebody owns it already")?;
    let token = link.split("token=").nth(1).context("no token in the link")?;
    let body = json!({
        "token": token, "name": "Ana Diaz", "email": "ana@acme.test", "password": "correct horse battery",
        "workspace_name": "Acme", "time_zone": "Europe/Berlin",
    });
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.post(format!("{base}/setup")).header("content-type", "application/json");
    let response = request.body(body.to_string()).send().await?;
    let cookie = response.headers().get("set-cookie").context("no cookie")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

async fn insert(app: &App, (scope, me): (Scope, UserId), count: usize) -> Result<()> {
    let mut tx = app.db.tx().await?;
    for n in 0..count {
        let new = NewAccount {
            id: AccountId(app.ids.next()),
            user_id: (!n.is_multiple_of(3)).then_some(me),
            address: format!("box{n:05}@acme{}.test", n % 7).parse().ok().context("address")?,
            display_name: format!("Box {n}"),
            provider: Provider::Custom,
            provider_name: ["Old Host", "", "Zeta"].get(n % 3).copied().unwrap_or_default().to_owned(),
            import_days: 30,
        };
        accounts::insert(&mut tx, &scope, &new, app.clock.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}
