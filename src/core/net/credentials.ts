/** `Basic` credentials (RFC 7617) of the user and password in a URL; undefined without them. */
export function basicCredentials({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString("base64")}`;
}

/** A text as it may be shown, without the users and passwords of URLs in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/(?<=:\/\/)[^\s/?#]*@/g, ""); // looks for no scheme: in a long word that takes its square of time
}

/** What is escaped wrongly was not meant to be escaped: a password may have a bare `%`. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
