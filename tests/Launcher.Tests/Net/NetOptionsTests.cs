using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

public class NetOptionsTests
{
    [Theory]
    [InlineData("none", NetKind.None, null, "", 1500)]
    [InlineData("passt", NetKind.Passt, null, "", 65520)]
    [InlineData("passt,mtu=1500", NetKind.Passt, null, "", 1500)]
    [InlineData("passt:/run/a:b.socket", NetKind.Passt, "/run/a:b.socket", "", 65520)]
    [InlineData("tap:tap0", NetKind.Tap, null, "tap0", 1500)]
    [InlineData("tap:tap0,mtu=9000", NetKind.Tap, null, "tap0", 9000)]
    internal void Links(string text, NetKind kind, string? socket, string tap, int mtu)
    {
        Assert.Null(NetOptions.Parse(text, out NetOptions options));
        Assert.Equal((kind, socket, tap, mtu, MacAddress.Default), (options.Kind, options.Socket, options.Tap, options.EffectiveMtu, options.Mac));
    }

    [Fact]
    public void Address_and_forwards()
    {
        Assert.Null(NetOptions.Parse("passt,forward=8080:80,forward=127.0.0.1/2222:22,mac=52:54:00:12:34:56,forward=53/udp,forward=::1/8000", out NetOptions options));
        Assert.Equal("52:54:00:12:34:56", options.Mac.ToString());
        Assert.Equal([new("8080:80", false), new("127.0.0.1/2222:22", false), new("53", true), new PortForward("::1/8000", false)], options.Forwards);
    }

    [Theory]
    [InlineData("", "there are none")]
    [InlineData("user", "there are none")]
    [InlineData("none:x", "there are none")]
    [InlineData("none,mtu=1500", "there are none")]
    [InlineData("passt:", "there are none")]
    [InlineData("tap", "1 to 15 characters")]
    [InlineData("tap:", "1 to 15 characters")]
    [InlineData("tap:0123456789abcdef", "1 to 15 characters")]
    [InlineData("tap:a/b", "1 to 15 characters")]
    [InlineData("passt,speed=1", "there are mac=")]
    [InlineData("passt,mac=1:2:3:4:5:6", "mac=1:2:3:4:5:6")]
    [InlineData("passt,mac=53:54:00:12:34:56", "not the address of one card")]
    [InlineData("passt,mac=00:00:00:00:00:00", "not the address of one card")]
    [InlineData("passt,mac=52:54:00:12:34:56:78", "not the address of one card")]
    [InlineData("passt,mtu=67", "not from 68")]
    [InlineData("passt,mtu=65521", "not from 68")]
    [InlineData("passt,forward=0:80", "HOSTPORT")]
    [InlineData("passt,forward=80:80:80", "HOSTPORT")]
    [InlineData("passt,forward=here/80", "HOSTPORT")]
    [InlineData("passt,forward=80-90", "HOSTPORT")]
    [InlineData("passt,forward=65536", "HOSTPORT")]
    [InlineData("passt:/tmp/x,forward=80", "that we start ourselves")]
    [InlineData("tap:t,forward=80", "that we start ourselves")]
    public void What_is_wrong_is_said(string text, string words) =>
        Assert.Contains(words, NetOptions.Parse(text, out _), StringComparison.Ordinal);
}
