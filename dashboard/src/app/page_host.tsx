import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Skeleton } from "../kit/show";
import type { PageEntry, PageProps } from "./pages";

interface Props extends PageProps {
  readonly page: PageEntry;
}

/** Fetches the piece of program of a page and shows it. */
export function PageHost({ page, rest }: Props) {
  const [Shown, setShown] = useState<ComponentType<PageProps>>();
  const [failure, setFailure] = useState<Error>();
  useEffect(() => {
    let isHere = true;
    page.load().then(
      (module) => isHere && setShown(() => module.default),
      () => isHere && setFailure(new Error("This part of the dashboard could not be loaded. Was the server updated?")),
    );
    return () => {
      isHere = false;
    };
  }, [page]);
  if (failure) return <Failure failure={failure} again={() => location.reload()} />;
  return (
    <div class="page">
      {Shown ? (
        <Guard>
          <Shown rest={rest} />
        </Guard>
      ) : (
        <Skeleton lines={8} />
      )}
    </div>
  );
}

/** A page that fails leaves the menu usable. */
class Guard extends Component<{ readonly children: ComponentChildren }, { failure?: Error }> {
  override componentDidCatch(failure: Error) {
    this.setState({ failure });
  }

  override render() {
    const { failure } = this.state;
    if (failure) return <Failure failure={failure} again={() => this.setState({ failure: undefined })} />;
    return <>{this.props.children}</>;
  }
}
