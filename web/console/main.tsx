import { render } from 'preact'
import '../state/theme.ts'
import '../styles/base.css'
import './console.css'
import { takeTokenFromAddress } from './api.ts'
import { Console } from './views/console.tsx'

takeTokenFromAddress()
addEventListener('hashchange', takeTokenFromAddress)

const place = document.querySelector<HTMLElement>('#app')!
place.replaceChildren()
render(<Console />, place)
