import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';
import './style/screens.css';
import { render } from 'preact';
import { Frame } from './frame.tsx';

render(<Frame />, document.getElementById('app')!);
