using System.Diagnostics;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>Time on processors, where the Host counts it: on Linux with schedstat.</summary>
public sealed class ProcessorTimeTests
{
    [Fact]
    public void Work_is_counted()
    {
        using Process self = Process.GetCurrentProcess();
        ProcessorTime? before = Read(self.Id);
        TimeSpan start = self.TotalProcessorTime;
        while (self.TotalProcessorTime - start < TimeSpan.FromMilliseconds(200))
        {
            self.Refresh();
        }

        ProcessorTime? after = Read(self.Id);
        Assert.Equal(before is null, after is null);

        // A thread of the test runner's that ends meanwhile leaves us without a figure, which is what is promised.
        if (before is not null && after!.Since(before) is { } seconds)
        {
            Assert.True(seconds > 0.1, $"{seconds} s");
        }
    }

    [Fact]
    public void Sleep_is_not()
    {
        using Process sleeper = Process.Start(new ProcessStartInfo("sleep", ["60"]))!;
        try
        {
            Thread.Sleep(200);
            if (Read(sleeper.Id) is { } before)
            {
                Thread.Sleep(500);
                Assert.InRange(Read(sleeper.Id)!.Since(before)!.Value, 0, 0.1);
            }
        }
        finally
        {
            sleeper.Kill();
            sleeper.WaitForExit();
        }
    }

    [Fact]
    public void A_process_that_is_gone_has_none()
    {
        using Process gone = Process.Start(new ProcessStartInfo("true"))!;
        gone.WaitForExit();
        Assert.Null(ProcessorTime.Read(gone.Id));
    }

    /// <summary>A thread that ends just then leaves us without a figure: the next time there is one, if ever.</summary>
    private static ProcessorTime? Read(int process)
    {
        ProcessorTime? time = null;
        _ = Patience.OneOf(100, () => (time = ProcessorTime.Read(process)) != null);
        return time;
    }
}
