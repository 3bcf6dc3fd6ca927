"""Device SDK for Alibaba Cloud IoT Platform and its work-alikes; every module can be imported alone."""
