//! What each folder is for: by the server's word (SPECIAL-USE, RFC 6154), and where it gives none by the folder's name, in the
//! languages that mail programs and providers create folders in.

use crate::mailbox::Role;
use imap::{Listed, SpecialUse};
use unicode_normalization::UnicodeNormalization;

/// Names of folders by what they are for, in lower case: the more usual one of a role first. Providers and programs write them; a name
/// that is missing is added here and nowhere else. What a word means in two languages is left out.
#[rustfmt::skip]
const NAMES: [(Role, &[&str]); 5] = [
    (Role::Sent, &[
        "sent", "sent items", "sent messages", "sent mail", "sent-mail", "sent_mail", "sentmail",
        "gesendet", "gesendete objekte", "gesendete elemente", "gesendete nachrichten",
        "envoyés", "messages envoyés", "éléments envoyés", "objets envoyés", "courrier envoyé", "envoyé",
        "enviados", "elementos enviados", "mensajes enviados", "correo enviado", "enviado",
        "itens enviados", "mensagens enviadas", "e-mails enviados", "enviadas", "enviats", "elements enviats",
        "inviati", "posta inviata", "inviata", "messaggi inviati", "elementi inviati",
        "verzonden", "verzonden items", "verzonden berichten", "verstuurd", "verzonden objecten",
        "skickat", "skickade", "skickade objekt", "sendt", "sendte elementer", "sendt post", "sendte", "sendte objekter",
        "lähetetyt", "lähetetyt viestit", "saadetud", "saadetud kirjad", "nosūtītie", "nosūtītās vēstules", "išsiųsta", "išsiųsti",
        "wysłane", "elementy wysłane", "wiadomości wysłane", "odeslané", "odeslaná pošta", "odoslané", "odoslaná pošta",
        "elküldött", "elküldött elemek", "elküldött üzenetek", "trimise", "elemente trimise", "mesaje trimise",
        "poslano", "poslana pošta", "poslane stavke", "poslato", "poslate stavke", "послато",
        "gönderilmiş", "gönderilmiş öğeler", "gönderilmiş postalar", "gönderilen", "gönderilenler",
        "απεσταλμένα", "σταλμένα", "απεσταλμένα στοιχεία", "отправленные", "отправлено", "отправленные письма",
        "надіслані", "відправлені", "надіслане", "изпратени", "изпратени писма", "адпраўленыя",
        "送信済み", "送信済みトレイ", "送信済みメール", "送信済みアイテム", "已发送", "已发送邮件", "已传送", "寄件備份", "已傳送", "寄件匣備份", "已寄出",
        "보낸 편지함", "보낸편지함", "보낸 메일함", "보낸메일함", "الرسائل المرسلة", "المرسلة", "العناصر المرسلة", "נשלחו", "פריטים שנשלחו",
        "ارسال شده", "ส่งแล้ว", "จดหมายที่ถูกส่งแล้ว", "รายการที่ส่ง", "đã gửi", "thư đã gửi", "mục đã gửi", "terkirim", "item terkirim", "भेजे गए",
    ]),
    (Role::Drafts, &[
        "drafts", "draft", "draft messages",
        "entwürfe", "entwurf", "brouillons", "brouillon", "borradores", "borrador", "rascunhos", "rascunho", "esborranys",
        "bozze", "bozza", "concepten", "concept", "klad", "utkast", "utkaster", "kladder", "luonnokset", "mustandid", "melnraksti", "juodraščiai",
        "kopie robocze", "wersje robocze", "szkice", "robocze", "koncepty", "rozepsané", "rozpísané",
        "piszkozatok", "vázlatok", "ciorne", "schițe", "osnutki", "skice", "nacrti", "нацрти", "taslaklar", "taslak",
        "πρόχειρα", "черновики", "чернетки", "чернови", "чарнавікі",
        "下書き", "草稿", "草稿箱", "草稿匣", "임시 보관함", "임시보관함", "임시 저장함", "المسودات", "مسودات", "טיוטות",
        "پیش نویس ها", "پیش‌نویس‌ها", "แบบร่าง", "ร่าง", "thư nháp", "bản nháp", "nháp", "konsep", "draf", "ड्राफ़्ट",
    ]),
    (Role::Trash, &[
        "trash", "deleted items", "deleted messages", "deleted", "bin", "rubbish", "deleted mail",
        "papierkorb", "gelöscht", "gelöschte objekte", "gelöschte elemente", "gelöschte nachrichten",
        "corbeille", "éléments supprimés", "messages supprimés", "supprimés", "papelera", "papelera de reciclaje", "elementos eliminados", "eliminados",
        "lixeira", "itens excluídos", "itens eliminados", "reciclagem", "paperera",
        "cestino", "posta eliminata", "elementi eliminati", "eliminata", "prullenbak", "prullenmand", "verwijderde items", "verwijderd",
        "papperskorgen", "papperskorg", "borttagna objekt", "borttaget", "papirkurv", "papirkurven", "slettede elementer", "slettet post", "slettet",
        "roskakori", "poistetut", "poistetut viestit", "prügikast", "kustutatud", "atkritne", "miskaste", "šiukšlinė", "šiukšliadėžė",
        "kosz", "elementy usunięte", "usunięte", "koš", "odstraněná pošta", "odstraněné položky", "smazané", "kôš", "odstránené položky",
        "kuka", "lomtár", "törölt elemek", "törölt", "coș", "coș de gunoi", "elemente șterse", "gunoi", "smeće", "koš za smeti", "izbrisano", "izbrisane stavke", "obrisane stavke", "otpad", "смеће",
        "çöp", "çöp kutusu", "silinmiş", "silinmiş öğeler", "silinenler", "κάδος", "κάδος απορριμμάτων", "διαγραμμένα", "διεγραμμένα στοιχεία",
        "корзина", "удаленные", "удалённые", "удалённые элементы", "кошик", "видалені", "кошче", "изтрити", "сметніца",
        "ゴミ箱", "ごみ箱", "削除済みアイテム", "削除済み", "已删除", "已删除邮件", "垃圾箱", "废纸篓", "刪除的郵件", "已刪除", "垃圾桶",
        "휴지통", "지운 편지함", "삭제된 항목", "المحذوفات", "المهملات", "سلة المهملات", "العناصر المحذوفة", "אשפה", "פריטים שנמחקו",
        "زباله دان", "سطل زباله", "ถังขยะ", "รายการที่ลบ", "thùng rác", "mục đã xóa", "sampah", "tong sampah", "item dihapus", "रद्दी",
    ]),
    (Role::Junk, &[
        "junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "bulk", "spamverdacht", "unerwünscht", "unerwünschte werbung",
        "junk-e-mail", "courrier indésirable", "indésirables", "pourriel", "pourriels", "correo no deseado", "no deseado", "correo basura",
        "lixo eletrônico", "lixo eletrónico", "correio publicitário não solicitado", "correu brossa", "posta indesiderata", "indesiderata",
        "ongewenst", "ongewenste e-mail", "ongewenste mail", "skräppost", "søppelpost", "søppel-e-post", "uønsket e-post", "uønsket mail", "uønsket post",
        "roskaposti", "rämpspost", "mēstules", "surogātpasts", "brukalas", "šlamštas", "wiadomości-śmieci", "niechciane", "nevyžádaná pošta", "nevyžádané", "nevyžiadaná pošta",
        "levélszemét", "mesaje nedorite", "nedorite", "neželena pošta", "neželjena pošta", "нежељена пошта", "istenmeyen", "istenmeyen e-posta", "önemsiz e-posta", "önemsiz",
        "ανεπιθύμητα", "ανεπιθύμητη αλληλογραφία", "спам", "нежелательная почта", "небажана пошта", "нежелана поща",
        "迷惑メール", "スパム", "垃圾邮件", "垃圾郵件", "廣告信", "广告邮件", "스팸 메일함", "스팸메일함", "스팸", "정크 메일",
        "البريد غير المرغوب فيه", "غير مرغوب", "بريد عشوائي", "דואר זבל", "זבל", "هرزنامه", "สแปม", "อีเมลขยะ", "thư rác", "email sampah", "स्पैम",
    ]),
    (Role::Archive, &[
        "archive", "archives", "archiv", "archivio", "archivo", "archivados", "arquivo", "arquivos", "arquivo morto", "arxiu", "archief", "arkiv", "arkivet",
        "arkisto", "arhiiv", "arhīvs", "archyvas", "archiwum", "archív", "archívum", "arhivă", "arhiva", "arhiv", "архива", "arşiv",
        "αρχειοθήκη", "αρχείο", "архив", "архів", "архіў", "アーカイブ", "存档", "归档", "封存", "보관함", "보관 편지함",
        "الأرشيف", "أرشيف", "ארכיון", "بایگانی", "เก็บถาวร", "ที่เก็บถาวร", "lưu trữ", "arsip", "पुरालेख",
    ]),
];

/// Levels that hold the mailbox's own folders and say nothing of what is in them; beside the personal namespace.
const WRAPPERS: [&str; 3] = ["INBOX", "[Gmail]", "[Google Mail]"];

/// A folder whose name says what it is for lies at the top, or one level below. Further down it is a customer's "Archive".
const DEEPEST: usize = 1;

/// What each of these folders is for, in their order. `prefix` is what the names of the mailbox's own folders begin with (RFC 2342).
pub fn of(listed: &[Listed], prefix: &str) -> Vec<Option<Role>> {
    let mut roles: Vec<Option<Role>> = listed.iter().map(told).collect();
    for (role, names) in &NAMES {
        if roles.contains(&Some(*role)) {
            continue;
        }
        let fits = |(at, folder): (usize, &Listed)| {
            let (depth, place) = rank(folder, names, prefix)?;
            Some(((depth, place, folder.name.clone()), at))
        };
        let best = listed.iter().enumerate().filter_map(fits).min();
        if let Some(slot) = best.and_then(|(_, at)| roles.get_mut(at)) {
            *slot = Some(*role);
        }
    }
    roles
}

/// The server's own word.
fn told(folder: &Listed) -> Option<Role> {
    if folder.raw_name.is_inbox() {
        return Some(Role::Inbox);
    }
    Some(match folder.special_use? {
        SpecialUse::All => Role::All,
        SpecialUse::Archive => Role::Archive,
        SpecialUse::Drafts => Role::Drafts,
        SpecialUse::Junk => Role::Junk,
        SpecialUse::Sent => Role::Sent,
        SpecialUse::Trash => Role::Trash,
        SpecialUse::Flagged | SpecialUse::Important => return None,
    })
}

/// How deep a folder lies whose name is among these, and at which place; none for a folder that is for something else.
fn rank(folder: &Listed, names: &[&str], prefix: &str) -> Option<(usize, usize)> {
    if folder.raw_name.is_inbox() || folder.special_use.is_some() || !folder.selectable() {
        return None;
    }
    let own = own_name(folder, prefix);
    let (depth, leaf) = match folder.delimiter {
        Some(delimiter) => (own.matches(delimiter).count(), own.rsplit(delimiter).next().unwrap_or(own)),
        None => (0, own),
    };
    let leaf: String = leaf.trim().nfc().collect::<String>().to_lowercase();
    let place = names.iter().position(|name| *name == leaf)?;
    (depth <= DEEPEST).then_some((depth, place))
}

/// The name without the levels that all of the mailbox's folders lie in.
fn own_name<'a>(folder: &'a Listed, prefix: &str) -> &'a str {
    let name = folder.name.as_str();
    if let Some(own) = name.strip_prefix(prefix).filter(|own| !prefix.is_empty() && !own.is_empty()) {
        return own;
    }
    let inside = |wrapper: &&str| {
        let (first, rest) = name.split_once(folder.delimiter?)?;
        first.eq_ignore_ascii_case(wrapper).then_some(rest)
    };
    WRAPPERS.iter().find_map(inside).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap::MailboxName;
    use std::collections::HashMap;

    fn folder(name: &str, special_use: Option<SpecialUse>) -> Listed {
        let raw_name = MailboxName::encode(name);
        Listed { name: name.into(), raw_name, delimiter: Some('/'), flags: vec![], special_use }
    }

    fn roles(names: &[&str]) -> Vec<Option<Role>> {
        of(&names.iter().map(|name| folder(name, None)).collect::<Vec<_>>(), "")
    }

    #[test]
    fn folders_are_known_by_name_in_many_languages() {
        use Role::{Archive, Drafts, Inbox, Junk, Sent, Trash};
        let wanted = [Some(Inbox), Some(Sent), Some(Drafts), Some(Trash), Some(Junk), Some(Archive), None];
        let languages = [
            ["Sent Items", "Drafts", "Deleted Items", "Junk E-mail", "Archive", "Invoices"],
            ["Gesendet", "Entwürfe", "Papierkorb", "Spamverdacht", "Archiv", "Rechnungen"],
            ["Éléments envoyés", "Brouillons", "Corbeille", "Courrier indésirable", "Archives", "Factures"],
            ["Elementos enviados", "Borradores", "Papelera", "Correo no deseado", "Archivo", "Facturas"],
            ["Itens Enviados", "Rascunhos", "Lixeira", "Lixo Eletrônico", "Arquivo", "Faturas"],
            ["Posta inviata", "Bozze", "Cestino", "Posta indesiderata", "Archivio", "Fatture"],
            ["Verzonden items", "Concepten", "Prullenbak", "Ongewenste e-mail", "Archief", "Facturen"],
            ["Skickat", "Utkast", "Papperskorgen", "Skräppost", "Arkiv", "Fakturor"],
            ["Sendt", "Kladder", "Slettede elementer", "Uønsket mail", "Arkiv", "Fakturaer"],
            ["Lähetetyt", "Luonnokset", "Roskakori", "Roskaposti", "Arkisto", "Laskut"],
            ["Wysłane", "Kopie robocze", "Kosz", "Wiadomości-śmieci", "Archiwum", "Faktury"],
            ["Odeslaná pošta", "Koncepty", "Koš", "Nevyžádaná pošta", "Archiv", "Faktury"],
            ["Elküldött elemek", "Piszkozatok", "Törölt elemek", "Levélszemét", "Archívum", "Számlák"],
            ["Gönderilmiş Öğeler", "Taslaklar", "Silinmiş Öğeler", "Önemsiz E-posta", "Arşiv", "Faturalar"],
            ["Απεσταλμένα", "Πρόχειρα", "Διαγραμμένα", "Ανεπιθύμητα", "Αρχείο", "Τιμολόγια"],
            ["Отправленные", "Черновики", "Удаленные", "Спам", "Архив", "Счета"],
            ["Надіслані", "Чернетки", "Кошик", "Небажана пошта", "Архів", "Рахунки"],
            ["送信済みトレイ", "下書き", "ゴミ箱", "迷惑メール", "アーカイブ", "請求書"],
            ["已发送", "草稿箱", "已删除", "垃圾邮件", "存档", "发票"],
            ["보낸편지함", "임시보관함", "휴지통", "스팸메일함", "보관함", "청구서"],
            ["العناصر المرسلة", "المسودات", "المحذوفات", "البريد غير المرغوب فيه", "الأرشيف", "الفواتير"],
            ["פריטים שנשלחו", "טיוטות", "אשפה", "דואר זבל", "ארכיון", "חשבוניות"],
        ];
        for names in languages {
            let all: Vec<&str> = ["INBOX"].into_iter().chain(names).collect();
            assert_eq!(roles(&all), wanted, "{names:?}");
        }
    }

    #[test]
    fn no_name_is_for_two_things() {
        let mut seen = HashMap::new();
        for (role, names) in &NAMES {
            for name in *names {
                assert_eq!(seen.insert(*name, *role), None, "{name}");
                assert_eq!(name.nfc().collect::<String>().to_lowercase(), **name, "as it is compared");
                assert_ne!(*name, "inbox");
            }
        }
    }

    #[test]
    fn the_servers_word_comes_first() {
        let listed = [folder("Sent", None), folder("Elsewhere", Some(SpecialUse::Sent)), folder("Drafts", None)];
        assert_eq!(of(&listed, ""), [None, Some(Role::Sent), Some(Role::Drafts)]);
        // What is for something else by the server's word is not guessed anew.
        let listed = [folder("Trash", Some(SpecialUse::Archive)), folder("Spam", Some(SpecialUse::Flagged))];
        assert_eq!(of(&listed, ""), [Some(Role::Archive), None]);
    }

    #[test]
    fn one_folder_has_a_role_and_always_the_same() {
        let (yes, no) = (Some(Role::Sent), None);
        let table: Vec<(Vec<&str>, Vec<Option<Role>>)> = vec![
            (vec!["Old/Sent", "Sent"], vec![no, yes]),
            (vec!["Envoyés", "Sent"], vec![no, yes]),
            (vec!["Mail/Gesendet", "Envoyés"], vec![no, yes]),
            (vec!["Mail/Sent"], vec![yes]),
            (vec!["B/Sent", "A/Sent"], vec![no, yes]),
            (vec!["Customers/Acme/Sent"], vec![no]),
            (vec!["INBOX/Sent", "Other/Sent"], vec![yes, no]),
            (vec!["[Google Mail]/Gesendet"], vec![yes]),
            (vec!["inbox"], vec![Some(Role::Inbox)]),
            (vec!["Sent to Acme", "Unsent"], vec![no, no]),
            // As a Mac writes it: letters and marks apart.
            (vec!["Envoye\u{301}s"], vec![yes]),
        ];
        for (names, wanted) in table {
            assert_eq!(roles(&names), wanted, "{names:?}");
            let reversed: Vec<&str> = names.iter().rev().copied().collect();
            assert_eq!(roles(&reversed), wanted.into_iter().rev().collect::<Vec<_>>(), "whatever their order");
        }
    }

    #[test]
    fn the_personal_namespace_is_no_level() {
        let dotted = |name: &str| Listed { delimiter: Some('.'), ..folder(name, None) };
        let listed = [dotted("Mine.Sent"), dotted("Theirs.Sent"), dotted("Mine.Old.Drafts"), dotted("Mine.")];
        assert_eq!(of(&listed, "Mine."), [Some(Role::Sent), None, Some(Role::Drafts), None]);
        let closed = Listed { flags: vec!["\\Noselect".into()], ..folder("Sent", None) };
        assert_eq!(of(&[closed, Listed { delimiter: None, ..folder("a/Sent", None) }], ""), [None, None]);
    }
}
