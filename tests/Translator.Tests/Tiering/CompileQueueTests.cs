using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Tiering;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Tests.Tiering;

public sealed unsafe class CompileQueueTests
{
    [Fact]
    public void WhatIsWantedAtOnceGoesBeforeAllThatWaits()
    {
        GuestCpu cpu = default;
        using var first = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        using var all = new CountdownEvent(4);
        List<uint> order = [];
        var counters = new CompileCounters
        {
            Compiler = (plan, _, _) =>
            {
                order.Add(plan.Blocks[0].Eip);
                first.Set();
                go.Wait();
                all.Signal();
                throw new InvalidOperationException("nothing to compile");
            },
        };
        using var queue = new CompileQueue(new Optimisations(), &cpu, counters);
        queue.Offer(Plan(1));
        Assert.True(first.Wait(TimeSpan.FromMinutes(1)));
        queue.Offer(Plan(2));
        queue.Offer(Plan(3));
        queue.Offer(Plan(4), atOnce: true);
        go.Set();
        Assert.True(all.Wait(TimeSpan.FromMinutes(1)));
        Assert.Equal([1u, 4u, 2u, 3u], order);
    }

    [Fact]
    public void GoesWithoutCompilingWhatStillWaits()
    {
        GuestCpu cpu = default;
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        int compiled = 0;
        var counters = new CompileCounters
        {
            Compiler = (_, _, _) =>
            {
                compiled++;
                begun.Set();
                go.Wait();
                throw new InvalidOperationException("nothing to compile");
            },
        };
        var queue = new CompileQueue(new Optimisations(), &cpu, counters);
        for (uint i = 0; i < 5; i++)
        {
            queue.Offer(Plan(i));
        }

        Assert.True(begun.Wait(TimeSpan.FromMinutes(1)));
        var disposing = new Thread(queue.Dispose);
        disposing.Start();
        while (!disposing.ThreadState.HasFlag(ThreadState.WaitSleepJoin))
        {
            Thread.Yield();
        }

        go.Set();
        Assert.True(disposing.Join(TimeSpan.FromMinutes(1)));
        Assert.Equal(1, compiled);
    }

    [Fact]
    public void WhatHasBeenOfferedIsUnderWayUntilItIsTakenBack()
    {
        GuestCpu cpu = default;
        var block = (GuestBlock*)0x1000;
        using var done = new ManualResetEventSlim();
        var counters = new CompileCounters
        {
            Compiler = (plan, _, _) =>
            {
                if (plan.Blocks[0].Eip == 3)
                {
                    done.Set();
                }

                throw new InvalidOperationException("nothing to compile");
            },
        };
        using var queue = new CompileQueue(new Optimisations(), &cpu, counters);
        queue.Offer(Plan(1, block));
        queue.Offer(Plan(2, block));
        queue.Offer(Plan(3));
        Assert.True(done.Wait(TimeSpan.FromMinutes(1)));

        // Finished or not: who is on the Guest thread has not heard of it.
        Assert.True(queue.UnderWay.Contains(block));
        Assert.True(SpinWait.SpinUntil(() => !queue.TryTake(out _) && !queue.UnderWay.Contains((GuestBlock*)0x1000), TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void ABlockOfTwoPlansIsUnderWayUntilBothAreBack()
    {
        var block = (GuestBlock*)0x1000;
        var plans = new PlansUnderWay();
        RegionPlan plan = Plan(1, block);
        plans.Add(plan);
        plans.Add(plan);
        plans.Remove(plan);
        Assert.True(plans.Contains(block));
        plans.Remove(plan);
        Assert.False(plans.Contains(block));
        plans.Add(plan);
        plans.Clear();
        plans.Remove(plan);
        Assert.False(plans.Contains(block));
    }

    private static RegionPlan Plan(uint eip, GuestBlock* block = null) => new()
    {
        Blocks = [new PlannedBlock((nint)block, eip, eip, [0x90], 1)],
        Pages = [],
        Mode = default,
        CacheGeneration = 0,
    };
}
