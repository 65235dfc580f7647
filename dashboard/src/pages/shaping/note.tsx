/** Where a note says that it comes from. */
const ADDRESS = /(https:\/\/[^\s)]+)/;

/** What the file says about where a value comes from; addresses in it can be followed. */
export function Note({ text }: { readonly text: string | undefined }) {
  if (!text) return <span class="soft">–</span>;
  return (
    <span class="soft">
      {text.split(ADDRESS).map((piece, place) =>
        place % 2 === 1 ? (
          <a key={place} href={piece} rel="noreferrer noopener" target="_blank">
            {hostOf(piece)}
          </a>
        ) : (
          piece
        ),
      )}
    </span>
  );
}

function hostOf(address: string): string {
  return address.split("/")[2] ?? address;
}
