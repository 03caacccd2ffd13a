/**
 * The only place that names colours and sizes. Components use theme keys and the variables below; light and
 * dark are made from the same list. Contrast of every text pair is at least 4.5 : 1.
 */
import {
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
} from "@mantine/core";

const iris: MantineColorsTuple = [
  "#f3f3fe",
  "#e6e6fb",
  "#cdcdf7",
  "#adadf3",
  "#8b8bf0",
  "#7070e4",
  "#5b5bd6",
  "#4e4ec0",
  "#4242a3",
  "#353582",
];
const slate: MantineColorsTuple = [
  "#f8f9fb",
  "#f1f3f6",
  "#e5e8ee",
  "#d3d8e1",
  "#b3bac7",
  "#828c9d",
  "#5a6476",
  "#434c5c",
  "#2b3240",
  "#171c26",
];
const night: MantineColorsTuple = [
  "#e6e9ef",
  "#c6ccd8",
  "#a3acbc",
  "#7d8799",
  "#3a4252",
  "#2c3341",
  "#222834",
  "#151922",
  "#11151d",
  "#0c0f15",
];
const green: MantineColorsTuple = [
  "#ecf8f1",
  "#d3efde",
  "#a6dfbd",
  "#74cc98",
  "#4cbb7b",
  "#2fa766",
  "#1f8a51",
  "#17713f",
  "#125833",
  "#0c3f25",
];
const amber: MantineColorsTuple = [
  "#fdf5e6",
  "#fae7c3",
  "#f5d08a",
  "#efb94f",
  "#e5a52a",
  "#c98a12",
  "#a56f08",
  "#855806",
  "#664405",
  "#4a3104",
];
const red: MantineColorsTuple = [
  "#fdefef",
  "#fadada",
  "#f4b3b3",
  "#ee8f8f",
  "#e97575",
  "#dc5252",
  "#c93838",
  "#a92c2c",
  "#872424",
  "#5f1a1a",
];

/** Sizes that scripts need as numbers (virtual rows, icons); everything else is CSS. */
export const sizes = {
  icon: 16,
  iconLarge: 28,
  accountRow: 57,
  accountCard: 105,
  messageRow: 77,
  outgoingRow: 96,
  importRow: 72,
  overscan: 8,
  paletteHeight: 420,
};

/** Mantine lays dialogs at 200, what opens from a control at 300 and toasts at 400. */
export const layers = {
  /** A window that is only read: a toast would hide the keys that it is opened for, and waits behind it. */
  overToasts: 450,
};

export const media = {
  /** Below: tables are condensed, panels take the full width. */
  narrow: "(max-width: 39.99em)",
  /** Below: the sidebar is a drawer. */
  compact: "(max-width: 47.99em)",
  /** Below: beside the sidebar the accounts table has room for names and states only. */
  few: "(max-width: 63.99em)",
  /** Below: the accounts table leaves out what the account page also shows. */
  middle: "(max-width: 77.49em)",
  /** Above: a message opens beside its list. */
  wide: "(min-width: 75em)",
};

const shadow = "0 8px 24px rgba(15, 20, 30, 0.16), 0 1px 3px rgba(15, 20, 30, 0.1)";

const dialogTitle = { fontSize: "var(--mantine-font-size-lg)", fontWeight: 600 };

export const theme = createTheme({
  colors: { iris, gray: slate, dark: night, green, yellow: amber, red },
  primaryColor: "iris",
  primaryShade: { light: 6, dark: 4 },
  // Filled things are dark on light in one scheme and light on dark in the other.
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    return input.variant === "filled" ? { ...colors, color: "var(--on-filled)" } : colors;
  },
  white: "#ffffff",
  black: "#171c26",
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  defaultRadius: "md",
  radius: { xs: "4px", sm: "6px", md: "6px", lg: "6px", xl: "6px" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "16px", xl: "24px", xxl: "32px" },
  fontSizes: { xs: "13px", sm: "14px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.45", lg: "1.4", xl: "1.3" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "1.3" },
      h2: { fontSize: "16px", lineHeight: "1.4" },
      h3: { fontSize: "14px", lineHeight: "1.45" },
    },
  },
  shadows: { xs: "none", sm: shadow, md: shadow, lg: shadow, xl: shadow },
  respectReducedMotion: true,
  cursorType: "pointer",
  focusRing: "auto",
  // Plain objects: `Component.extend` would pull each of these into the first script.
  components: {
    // As high as a line: what is cut off at its end would else lose its descenders too.
    Breadcrumbs: {
      styles: { breadcrumb: { lineHeight: "var(--mantine-line-height-xs)" } },
    },
    Button: { defaultProps: { size: "sm" }, styles: { label: { fontWeight: 500 } } },
    Drawer: { defaultProps: { transitionProps: { duration: 140 } }, styles: { title: dialogTitle } },
    Input: { defaultProps: { size: "sm" } },
    InputWrapper: {
      defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] },
      styles: {
        label: { fontWeight: 500, marginBottom: "var(--mantine-spacing-xs)" },
        // Clear of the ring around a field that has the focus.
        description: { marginTop: "var(--mantine-spacing-xs)" },
        error: { marginTop: "var(--mantine-spacing-xs)" },
      },
      vars: () => ({
        label: { "--input-label-size": "var(--mantine-font-size-sm)" },
        error: { "--input-error-size": "var(--mantine-font-size-xs)" },
        description: { "--input-description-size": "var(--mantine-font-size-xs)" },
      }),
    },
    Menu: {
      defaultProps: { transitionProps: { duration: 100 }, shadow: "md", withInitialFocusPlaceholder: false },
    },
    Modal: {
      defaultProps: {
        transitionProps: { duration: 120 },
        centered: true,
        overlayProps: { backgroundOpacity: 0.4 },
      },
      styles: { title: dialogTitle },
    },
    Notification: { defaultProps: { withBorder: true, closeButtonProps: { "aria-label": "Close" } } },
    Paper: { defaultProps: { withBorder: true } },
    Skeleton: { defaultProps: { radius: "sm" } },
    Tooltip: {
      defaultProps: {
        openDelay: 250,
        transitionProps: { duration: 80 },
        events: { hover: true, focus: true, touch: true },
      },
    },
  },
});

/** The meaning of colours. Text on `surface` and on `surface-sunken` keeps AA in both schemes. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {
    "--border": "1px solid var(--line)",
    "--sidebar-width": "216px",
    "--topbar-height": "48px",
    "--panel-width": "560px",
    "--form-width": "560px",
    "--page-width": "1360px",
    "--control-width": "176px",
    "--touch": "44px",
    "--touch-compact": "var(--touch)",
    "--motion": "120ms",
  },
  light: {
    "--mantine-color-dimmed": slate[6],
    "--mantine-color-placeholder": "#6b7587",
    "--mantine-color-error": red[7],
    "--mantine-color-anchor": iris[7],
    "--mantine-color-default-border": slate[3],
    "--line": slate[2],
    "--on-filled": "#ffffff",
    "--surface": "#ffffff",
    "--surface-sunken": slate[0],
    "--surface-hover": slate[1],
    "--surface-active": iris[0],
    "--text": slate[9],
    "--accent-text": iris[7],
    "--state-ok": green[7],
    "--state-warn": amber[7],
    "--state-bad": red[7],
    "--state-idle": slate[6],
    "--state-ok-surface": green[0],
    "--state-warn-surface": amber[0],
    "--state-bad-surface": red[0],
    "--state-idle-surface": slate[1],
    "--mark": "#fdebb4",
    "--ring-empty": slate[3],
  },
  dark: {
    "--mantine-color-dimmed": night[2],
    "--mantine-color-placeholder": "#8993a5",
    "--mantine-color-error": red[3],
    "--mantine-color-anchor": iris[3],
    "--mantine-color-default-border": night[4],
    "--line": night[5],
    "--on-filled": night[9],
    "--surface": night[7],
    "--surface-sunken": night[8],
    "--surface-hover": night[6],
    "--surface-active": "#23244a",
    "--text": night[0],
    "--accent-text": iris[3],
    "--state-ok": green[3],
    "--state-warn": amber[3],
    "--state-bad": red[3],
    "--state-idle": night[2],
    "--state-ok-surface": "#13281f",
    "--state-warn-surface": "#2e2512",
    "--state-bad-surface": "#331b1e",
    "--state-idle-surface": night[6],
    "--mark": "#574312",
    "--ring-empty": night[4],
  },
});
