/* A SharedWorker that passes each tab's messages to the others (channel.js) */
'use strict';
const ports = new Set();

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === null) ports.delete(port); // leaves
    else for (const other of ports) if (other !== port) other.postMessage(data);
  };
};
