import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { useState } from "react";

/** A password field whose show button can be reached by keyboard and says what it does. */
export function SecretInput(props: PasswordInputProps) {
  const [shown, setShown] = useState(false);
  return (
    <PasswordInput
      {...props}
      visible={shown}
      onVisibilityChange={setShown}
      spellCheck={false}
      visibilityToggleButtonProps={{
        "aria-label": shown ? "Hide password" : "Show password",
        "aria-pressed": shown,
        "aria-hidden": false,
        tabIndex: 0,
      }}
    />
  );
}
