# A handler in another language: a public MQTT client with a key. It greets, and ends each command by the event that says so.
import json, ssl, sys
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, ca, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]

def connected(client, userdata, flags, reason, properties):
    client.subscribe("greet", qos=1)

def subscribed(client, userdata, mid, reasons, properties):
    print("ready", flush=True)

def message(client, userdata, msg):
    stamp = dict(msg.properties.UserProperty)
    name = json.loads(msg.payload)["name"]
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = ("completes", stamp["command-id"])
    client.publish(stamp["user-id"] + "_greeted", json.dumps({"text": "Hello " + name}), qos=1, properties=properties)

options = dict(client_id="greeter.1", protocol=mqtt.MQTTv5)
if hasattr(mqtt, "CallbackAPIVersion"):
    options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
client = mqtt.Client(**options)
client.username_pw_set("handler", key)
client.tls_set(ca_certs=ca, cert_reqs=ssl.CERT_REQUIRED)
client.tls_insecure_set(True)  # the certificate names localhost, not every address of it
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, message
client.connect("127.0.0.1", port)
client.loop_forever()
