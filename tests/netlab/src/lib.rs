//! Two hosts and a router in user and network namespaces, without root.
