//! What a person is told, how far they have read, and whether and from where mail is written.

use super::letters::{self, ChooseError, Way};
use super::list::{self, Item};
use super::{Kind, NoticeId};
use crate::accounts::{self, Access, AccountId, Reason, State};
use crate::app::App;
use crate::http::page::{self, ListQuery};
use crate::http::{ApiError, ApiResult, Json, Problem, Query, SignedIn};
use crate::team::{Actor, Role};
use axum::extract::State as Ax;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Its cursors are of this list.
const LIST: &str = "notices";

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_notices))
        .routes(routes!(read))
        .routes(routes!(mail_settings, change_mail_settings))
        .routes(routes!(choose_sender))
}

impl From<ChooseError> for ApiError {
    fn from(e: ChooseError) -> Self {
        match e {
            ChooseError::Forbidden => Self::forbidden(),
            ChooseError::NoSendingSide => Self::field("account_id", "only_receives", e.to_string()),
            ChooseError::Account(accounts::AccountError::NotFound) => {
                Self::field("account_id", "unknown", "There is no such account in this workspace.")
            }
            ChooseError::Account(e) => e.into(),
            ChooseError::Db(e) => e.into(),
        }
    }
}

/// An account that a notice names.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeAccount {
    id: AccountId,
    address: String,
}

/// Something that people are told.
#[derive(Debug, Serialize, ToSchema)]
struct Notice {
    id: NoticeId,
    kind: Kind,
    /// One line.
    title: String,
    /// What happened; empty when the title says it all.
    text: String,
    /// What to do; empty when nothing is.
    fix: String,
    /// The server's own words.
    server_words: Option<String>,
    host: Option<String>,
    /// How bad an outage is.
    state: Option<State>,
    reason: Option<Reason>,
    /// How many accounts it is about, of those that the caller sees.
    account_count: i64,
    /// Those of them that work by now.
    working_count: i64,
    /// The first of them.
    accounts: Vec<NoticeAccount>,
    /// When it began; null when that is when it was told.
    began_at: Option<String>,
    created_at: String,
    /// When it was over; null while it is true.
    resolved_at: Option<String>,
    /// Whether the caller has read it.
    read: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct NoticePage {
    items: Vec<Notice>,
    next_cursor: Option<String>,
    /// Not read yet, on all pages; 100 stands for more.
    unread: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadRequest {
    /// The newest one that was read, as the list gave it.
    up_to: NoticeId,
}

#[derive(Debug, Serialize, ToSchema)]
struct Unread {
    unread: i64,
}

/// Who writes the workspace's mail.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MailWay {
    /// Nobody: notices are in the page only.
    None,
    /// The server that the operator set.
    Operator,
    /// An account of the workspace.
    Account,
}

#[derive(Debug, Serialize, ToSchema)]
struct MailSettings {
    /// Whether the caller wants mail.
    mails: bool,
    /// Where the caller's mail goes.
    address: String,
    way: MailWay,
    /// The account, when it is one.
    account: Option<NoticeAccount>,
    /// Whether the operator set a server.
    operator_server: bool,
    /// Whether the caller may choose the account.
    can_choose: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMailSettings {
    mails: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChooseSender {
    /// Null: none, so the operator's server, if there is one.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    account_id: Option<AccountId>,
}

fn view(item: Item, read_until: Option<NoticeId>) -> Notice {
    let accounts = item.named.into_iter().map(|a| NoticeAccount { id: a.id, address: a.address }).collect();
    Notice {
        id: item.id,
        kind: item.kind,
        title: item.words.title,
        text: item.words.text,
        fix: item.words.fix,
        server_words: item.facts.server_words,
        host: item.facts.host,
        state: item.facts.state,
        reason: item.facts.reason,
        account_count: item.count.all,
        working_count: item.count.working,
        accounts,
        began_at: item.facts.began_at.map(page::time),
        created_at: page::time(item.created_at),
        resolved_at: item.resolved_at.map(page::time),
        read: read_until.is_some_and(|until| item.id <= until),
    }
}

/// What the caller is told, the newest first: admins everything, members what concerns accounts that they may read.
#[utoipa::path(get, path = "/notices", tag = "notices", params(ListQuery),
    responses((status = 200, body = NoticePage), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_notices(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<NoticePage>> {
    let (cursor, limit) = (query.cursor(LIST)?, query.limit()?);
    let mut c = app.db.read().await?;
    let page = list::list(&mut c, &actor, cursor.as_ref(), limit).await?;
    let (unread, until) = (list::unread(&mut c, &actor).await?, list::read_until(&mut c, &actor).await?);
    Ok(Json(NoticePage {
        next_cursor: page.next.map(|c| c.encode(LIST)),
        items: page.items.into_iter().map(|item| view(item, until)).collect(),
        unread,
    }))
}

/// The caller has read everything up to this one.
#[utoipa::path(post, path = "/notices/read", tag = "notices", request_body = ReadRequest,
    responses((status = 200, body = Unread), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn read(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Json(r): Json<ReadRequest>) -> ApiResult<Json<Unread>> {
    super::read_until(&app, &actor, r.up_to).await?;
    Ok(Json(Unread { unread: list::unread(&mut app.db.read().await?, &actor).await? }))
}

async fn settings_of(app: &App, actor: &Actor) -> ApiResult<Json<MailSettings>> {
    let mut c = app.db.read().await?;
    let (way, account) = match letters::way(&mut c, app, &actor.scope).await? {
        Way::None => (MailWay::None, None),
        Way::Operator => (MailWay::Operator, None),
        Way::Account(id) => {
            // A member who does not see the account learns only that there is one.
            let account = accounts::find(&mut c, actor, id, Access::Read).await.ok();
            (MailWay::Account, account.map(|a| NoticeAccount { id: a.id, address: a.address }))
        }
    };
    Ok(Json(MailSettings {
        mails: letters::wants_mail(&mut c, actor).await?,
        address: actor.email.clone(),
        way,
        account,
        operator_server: app.config.system_mail.sender().is_some(),
        can_choose: actor.role != Role::Member,
    }))
}

/// Whether the caller gets mail, and who writes it.
#[utoipa::path(get, path = "/notices/mail", tag = "notices",
    responses((status = 200, body = MailSettings), (status = 401, body = Problem)))]
async fn mail_settings(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<MailSettings>> {
    settings_of(&app, &actor).await
}

/// Switches the caller's mail on or off.
#[utoipa::path(patch, path = "/notices/mail", tag = "notices", request_body = ChangeMailSettings,
    responses((status = 200, body = MailSettings), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn change_mail_settings(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Json(r): Json<ChangeMailSettings>,
) -> ApiResult<Json<MailSettings>> {
    letters::set_wants_mail(&app, &actor, r.mails).await?;
    settings_of(&app, &actor).await
}

/// Chooses the account that the workspace's mail leaves from. Admins only.
#[utoipa::path(put, path = "/notices/mail/sender", tag = "notices", request_body = ChooseSender,
    responses((status = 200, body = MailSettings), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn choose_sender(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Json(r): Json<ChooseSender>,
) -> ApiResult<Json<MailSettings>> {
    letters::choose(&app, &actor, r.account_id).await?;
    settings_of(&app, &actor).await
}
