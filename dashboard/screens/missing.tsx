import { linkTo } from '../link.ts';
import { Heading } from '../parts/heading.tsx';

export function Missing() {
  return (
    <>
      <Heading title="There is no such screen" />
      <div class="empty">
        <h3>The address leads nowhere</h3>
        <a href={linkTo([])}>Go to the overview</a>
      </div>
    </>
  );
}
