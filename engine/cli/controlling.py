"""Puts the controller together: the cluster, the store, the driver and the pages."""

from collections.abc import Callable, Collection

from engine.adapters.identity import process_name
from engine.adapters.kubernetes.client import KubernetesCluster, connect
from engine.adapters.kubernetes.reflector import Reflector
from engine.cli.delivering import delivering
from engine.cli.seeing_through import stopped_by_signals
from engine.cli.serving_loop import lasting, observed, site_of
from engine.cli.session import a_driver
from engine.controller.election import Election
from engine.controller.queue import Queue
from engine.controller.reconciler import Reconciler
from engine.controller.resource import EXPERIMENTS
from engine.controller.service import Controller, Publisher
from engine.driver import Driver
from engine.ports import Store
from engine.web.app import Site
from engine.web.server import Listen, bind, serving

LEASE = "rampwise-controller"


def control(
    store: Store,
    listen: Listen | None,
    hosts: Collection[str],
    say: Callable[[str], None],
    *,
    namespace: str,
    lease_namespace: str,
    context: str | None,
) -> None:
    """Until SIGINT or SIGTERM.

    Raises:
        UsageError: there is no such context, or that place cannot be listened on.
    """
    cluster = connect(context)
    crew = f"{LEASE} of {lease_namespace}: "
    plain = a_driver(store, f"{crew}{process_name()}")
    site = site_of(store, plain)
    controller = _controller(cluster, plain, crew, site, namespace, lease_namespace)
    lasting()
    with delivering(store), stopped_by_signals() as stop:
        if listen is None:
            controller.run(stop)
            return
        with serving(site, bind(listen), {listen.host, *hosts}) as url:
            say(f"Pages, probes and metrics: {url}")
            controller.run(stop)


def _controller(
    cluster: KubernetesCluster, plain: Driver, crew: str, site: Site, namespace: str, lease_namespace: str
) -> Controller:
    queue = Queue()
    publisher = Publisher(queue=queue)
    driver = observed(plain, site, publisher)
    # The election itself must write while nobody leads.
    unguarded = KubernetesCluster(cluster.client, guard=None)
    return Controller(
        election=Election(cluster=unguarded, namespace=lease_namespace, name=LEASE, identity=process_name()),
        reflector=Reflector(feed=cluster, resource=EXPERIMENTS, namespace=namespace, on_change=queue.add),
        reconciler=Reconciler(cluster=cluster, store=plain.store, clock=plain.clock, place=process_name()),
        driver=driver,
        crew=crew,
        queue=queue,
        publisher=publisher,
        observer=driver.observer,
    )
