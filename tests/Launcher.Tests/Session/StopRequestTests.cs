using Lguest.Jit.Launcher.Session;

namespace Lguest.Jit.Launcher.Tests.Session;

public class StopRequestTests
{
    [Fact]
    public void The_first_request_counts_and_is_told_to_all()
    {
        var stop = new StopRequest();
        var heard = new List<string>();
        stop.Subscribe(heard.Add);
        Assert.Null(stop.Raised);
        Assert.True(stop.Raise(4, "late"));
        Assert.False(stop.Raise(130, "later"));
        Assert.Equal((4, "late"), stop.Raised);
        stop.Subscribe(heard.Add);
        Assert.Equal(["late", "late"], heard);
    }

    [Fact]
    public void Who_left_hears_nothing()
    {
        var stop = new StopRequest();
        Action<string> listener = static _ => Assert.Fail("gone");
        stop.Subscribe(listener);
        stop.Unsubscribe(listener);
        stop.Raise(1, "x");
    }
}
