import { Drawer } from "@mantine/core";
import { NoticeList } from "./NoticeList";

/** The list on small screens, over the whole of it. */
export function NoticeDrawer({ onClose }: { onClose: () => void }) {
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="100%"
      padding={0}
      withCloseButton={false}
      attributes={{ content: { "aria-label": "Notifications" } }}
    >
      <NoticeList onClose={onClose} closable />
    </Drawer>
  );
}
