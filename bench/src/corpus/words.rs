//! Texts in several languages. They mean nothing, but their words have the lengths and frequencies of a language: few are in most
//! texts, most are in few (Zipf's law, near enough).

use super::chance::Chance;
use encoding_rs::{
    EUC_KR, Encoding, GB18030, ISO_8859_2, ISO_8859_7, KOI8_R, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1254,
};

/// Different words of a language.
const WORDS: usize = 60_000;

/// A language: what its words are made of, and the charsets that its mail comes in.
pub struct Language {
    syllables: &'static [&'static str],
    /// No spaces between words.
    solid: bool,
    /// Name in the header, and what it is.
    pub charsets: &'static [Charset],
}

type Charset = (&'static str, &'static Encoding);

macro_rules! of {
    ($solid:literal, [$($charset:expr),*], [$($syllable:literal),* $(,)?]) => {
        Language { syllables: &[$($syllable),*], solid: $solid, charsets: &[$($charset),*] }
    };
}

const UTF8: Charset = ("utf-8", UTF_8);
const LATIN: Charset = ("iso-8859-1", WINDOWS_1252);

/// Twelve of them, the frequent ones first.
pub const LANGUAGES: &[Language] = &[
    of!(
        false,
        [UTF8, ("us-ascii", WINDOWS_1252)],
        [
            "the", "re", "con", "ing", "ment", "ta", "ver", "so", "ship", "mo", "ness", "or", "li", "pre", "day",
            "ten", "out", "al", "per", "ad", "tion", "est", "un", "ly"
        ]
    ),
    of!(
        false,
        [UTF8, LATIN, ("windows-1252", WINDOWS_1252)],
        [
            "die", "ver", "ung", "ge", "ein", "schaft", "über", "für", "ar", "bei", "ten", "zu", "lich", "an", "mög",
            "ker", "straß", "tag", "ab", "heit", "men", "wir", "be", "los"
        ]
    ),
    of!(
        false,
        [UTF8, LATIN, ("windows-1252", WINDOWS_1252)],
        [
            "les", "ré", "pour", "tion", "ment", "dé", "eau", "ser", "vous", "çon", "ique", "par", "bien", "tou",
            "jour", "ès", "fran", "lé", "con", "ci", "mer", "sa", "on", "être"
        ]
    ),
    of!(
        false,
        [UTF8, LATIN],
        [
            "los", "ción", "para", "es", "mien", "to", "año", "de", "ar", "pre", "ña", "con", "qué", "tar", "sin",
            "más", "ger", "ado", "ta", "en", "dí", "vi", "lo", "mos"
        ]
    ),
    of!(
        false,
        [UTF8, LATIN],
        [
            "che", "zio", "ne", "per", "più", "men", "te", "con", "gli", "are", "sono", "città", "del", "la", "so",
            "ri", "ver", "mo", "qui", "ta", "in", "ste", "no", "è"
        ]
    ),
    of!(
        false,
        [UTF8, ("iso-8859-2", ISO_8859_2)],
        [
            "się", "prze", "nie", "wa", "ć", "dzie", "ło", "pra", "jest", "ów", "żeby", "stwo", "cz", "ko", "mu",
            "szy", "na", "łu", "za", "ra", "pi", "sta", "my", "ó"
        ]
    ),
    of!(
        false,
        [UTF8, ("koi8-r", KOI8_R), ("windows-1251", WINDOWS_1251)],
        [
            "при", "не", "ство", "пере", "на", "ция", "что", "ра", "ние", "мо", "жет", "вы", "ко", "то", "рый", "день",
            "по", "ли", "ста", "ем", "до", "го", "как", "я"
        ]
    ),
    of!(
        false,
        [UTF8, ("iso-8859-7", ISO_8859_7)],
        [
            "και", "το", "της", "πρό", "σε", "λο", "γος", "μα", "τα", "αν", "κα", "λη", "μέρα", "για", "ση", "που",
            "νο", "με", "ρι", "δια", "κό", "ου", "εί", "να"
        ]
    ),
    of!(
        false,
        [UTF8, ("windows-1254", WINDOWS_1254)],
        [
            "bir", "ler", "için", "lık", "ya", "mak", "ğı", "ola", "ne", "ça", "de", "gün", "şey", "ki", "siz", "bu",
            "dır", "var", "ım", "son", "ta", "yor", "öz", "lü"
        ]
    ),
    of!(
        true,
        [UTF8, ("shift_jis", SHIFT_JIS)],
        [
            "の", "会", "議", "日", "本", "す", "る", "が", "で", "注", "文", "確", "認", "新", "し", "い", "お", "知",
            "ら", "せ", "ご", "ます", "こと", "明"
        ]
    ),
    of!(
        true,
        [UTF8, ("gb18030", GB18030)],
        [
            "的", "我", "了", "在", "人", "有", "大", "上", "中", "日", "本", "文", "你", "好", "今", "天", "公", "司",
            "工", "作", "月", "生", "明", "年"
        ]
    ),
    of!(
        false,
        [UTF8, ("euc-kr", EUC_KR)],
        [
            "이", "다", "는", "을", "합니", "회", "의", "안", "내", "고", "객", "주", "문", "확", "인", "에", "서",
            "와", "감사", "요", "새", "로", "운", "한"
        ]
    ),
];

/// Of a hundred mails so many are in each: the first half in the first.
pub fn language(chance: &mut Chance) -> &'static Language {
    let at = if chance.percent(50) { 0 } else { chance.below(LANGUAGES.len()) };
    LANGUAGES.get(at).unwrap_or(&UNUSED)
}

static UNUSED: Language = Language { syllables: &["a"], solid: false, charsets: &[UTF8] };

impl Language {
    /// Its `n`th most frequent word. The frequent ones are short, as everywhere.
    fn word(&self, n: usize, out: &mut String) {
        let count = self.syllables.len().max(1);
        let mut n = n;
        loop {
            out.push_str(self.syllables.get(n % count).copied().unwrap_or_default());
            if n < count {
                return;
            }
            n = n / count - 1;
        }
    }

    /// Adds a sentence of so many words.
    pub fn sentence(&self, chance: &mut Chance, words: usize, out: &mut String) {
        for n in 0..words {
            if n > 0 && !self.solid {
                out.push(' ');
            }
            let share = chance.share();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a rank: between nothing and the number of words"
            )]
            let rank = ((WORDS as f64).powf(share) - 1.0) as usize;
            self.word(rank, out);
        }
        out.push_str(if self.solid { "。" } else { "." });
    }

    /// Adds sentences, one a line, until it is about so many octets longer.
    pub fn text(&self, chance: &mut Chance, octets: usize, out: &mut String) {
        let until = out.len().saturating_add(octets);
        while out.len() < until {
            let words = chance.below(9).saturating_add(3);
            self.sentence(chance, words, out);
            out.push_str("\r\n");
        }
    }
}
