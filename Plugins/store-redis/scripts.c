/* SPDX-License-Identifier: Apache-2.0
 * What the server runs. Time is the server's. Answers below 0 and 0 are explained in operations.c. */
#include "scripts.h"

// clang-format off

/* `now` in milliseconds of Unix time. */
#define TIME \
    "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"

/* Revisions begin with the time in microseconds, so that they rise even where Redis lost everything. */
#define REVISION \
    "local function revise() local r=redis.call('INCR',KEYS[1]) " \
    "if r==1 then r=t[1]*1000000+t[2] redis.call('SET',KEYS[1],string.format('%.0f',r)) end return r end\n"

/* KEYS: r k x e n. ARGV: key, channel, mode (1 create, 2 match), revision, ttl, value. */
#define PUT TIME REVISION \
    "local old=redis.call('GETRANGE',KEYS[4],0,16)\n" \
    "if ARGV[3]=='1' and old~='' then return 0 end\n" \
    "if ARGV[3]=='2' and string.sub(old,2,9)~=ARGV[4] then return 0 end\n" \
    "local r=revise() local ttl=tonumber(ARGV[5]) local ends=0\n" \
    "if ttl>0 then ends=now+ttl end\n" \
    "local body='v'..struct.pack('>I8I8',r,ends)..ARGV[6]\n" \
    "if ttl>0 then redis.call('SET',KEYS[4],body,'PX',ARGV[5]) redis.call('ZADD',KEYS[3],ends,ARGV[1])\n" \
    "else redis.call('SET',KEYS[4],body) if old~='' then redis.call('ZREM',KEYS[3],ARGV[1]) end end\n" \
    "if old=='' then redis.call('ZADD',KEYS[2],0,ARGV[1]) " \
    "elseif string.sub(old,1,1)=='c' then redis.call('DEL',KEYS[5]) end\n" \
    "redis.call('PUBLISH',ARGV[2],struct.pack('>I8',r)..ARGV[1])\n" \
    "return {r,ends}\n"

/* KEYS: r k x e n. ARGV: key, channel, revision or nothing. */
#define REMOVE \
    "local old=redis.call('GETRANGE',KEYS[4],0,16)\n" \
    "if old=='' then return -1 end\n" \
    "if ARGV[3]~='' and string.sub(old,2,9)~=ARGV[3] then return 0 end\n" \
    "redis.call('DEL',KEYS[4],KEYS[5]) redis.call('ZREM',KEYS[2],ARGV[1]) redis.call('ZREM',KEYS[3],ARGV[1])\n" \
    "redis.call('PUBLISH',ARGV[2],string.rep('\\0',8)..ARGV[1])\n" \
    "return 1\n"

/* KEYS: k. ARGV: prefix of entries, prefix of numbers, from, to, most, keys only, bytes. Keys of which the entry
 * has expired leave the index on the way. */
#define LIST \
    "local out={} local n=0 local left=tonumber(ARGV[7]) local most=tonumber(ARGV[5]) local from=ARGV[3]\n" \
    "while n<most do\n" \
    "  local want=most-n\n" \
    "  local keys=redis.call('ZRANGEBYLEX',KEYS[1],from,ARGV[4],'LIMIT',0,want)\n" \
    "  for _,k in ipairs(keys) do\n" \
    "    local body local size=24+#k\n" \
    "    if ARGV[6]=='1' then body=redis.call('GETRANGE',ARGV[1]..k,0,16)\n" \
    "    else body=redis.call('GET',ARGV[1]..k) or '' size=size+#body-17\n" \
    "      if string.sub(body,1,1)=='c' then body=body..(redis.call('GET',ARGV[2]..k) or '0') size=size+8 end end\n" \
    "    if body=='' then redis.call('ZREM',KEYS[1],k)\n" \
    "    else size=math.ceil(size/8)*8 if n>0 and size>left then return out end\n" \
    "      left=left-size out[#out+1]=k out[#out+1]=body n=n+1 end\n" \
    "    from='('..k\n" \
    "  end\n" \
    "  if #keys<want then break end\n" \
    "end\n" \
    "return out\n"

/* KEYS: r k x e n. ARGV: key, delta, ttl. */
#define ADD TIME REVISION \
    "local old=redis.call('GETRANGE',KEYS[4],0,16)\n" \
    "if old=='' then\n" \
    "  if ARGV[2]=='0' then return -1 end\n" \
    "  local r=revise() local ttl=tonumber(ARGV[3]) local ends=0\n" \
    "  if ttl>0 then ends=now+ttl end\n" \
    "  local body='c'..struct.pack('>I8I8',r,ends)\n" \
    "  if ttl>0 then redis.call('SET',KEYS[4],body,'PX',ARGV[3]) redis.call('SET',KEYS[5],ARGV[2],'PX',ARGV[3])\n" \
    "    redis.call('ZADD',KEYS[3],ends,ARGV[1])\n" \
    "  else redis.call('SET',KEYS[4],body) redis.call('SET',KEYS[5],ARGV[2]) end\n" \
    "  redis.call('ZADD',KEYS[2],0,ARGV[1])\n" \
    "  return {r,ends,ARGV[2]}\n" \
    "end\n" \
    "if string.sub(old,1,1)~='c' then return -2 end\n" \
    "local r,ends=struct.unpack('>I8I8',old,2)\n" \
    "if ARGV[2]~='0' then\n" \
    "  local sum=redis.pcall('INCRBY',KEYS[5],ARGV[2])\n" \
    "  if type(sum)=='table' then return -3 end\n" \
    "  r=revise()\n" \
    "  redis.call('SET',KEYS[4],'c'..struct.pack('>I8I8',r,ends))\n" \
    "  if ends>0 then redis.call('PEXPIREAT',KEYS[4],string.format('%.0f',ends)) " \
    "redis.call('PEXPIREAT',KEYS[5],string.format('%.0f',ends)) end\n" \
    "end\n" \
    "return {r,ends,redis.call('GET',KEYS[5]) or '0'}\n"

/* The arithmetic of limit.c in doubles that stay below 2^53. KEYS: the limits. ARGV, seven for each: kind, burst,
 * rate, period, cost, unit rate, unit period. Answers three numbers for each. */
#define TAKE TIME \
    "local function up(a,b) local q=math.floor(a/b) if q*b<a then q=q+1 end return q end\n" \
    "local function down(a,b) local q=math.floor(a/b) if q*b>a then q=q-1 end return q end\n" \
    "local function share(l,amount,into)\n" \
    "  local whole=down(amount,l.steps)\n" \
    "  local reach=up(l.period-into,l.step)\n" \
    "  return whole*reach+up((amount-whole*l.steps)*reach,l.steps) end\n" \
    "local function offset_for(l,amount,room)\n" \
    "  if room<0 then return l.period end\n" \
    "  if amount<=room then return 0 end\n" \
    "  local into=l.period-math.floor(room/amount*l.steps)*l.step\n" \
    "  if into<0 then into=0 end\n" \
    "  if into<l.period and share(l,amount,into)>room then into=into+l.step end\n" \
    "  return math.min(into,l.period) end\n" \
    "local all={} local fits=true local out={}\n" \
    "for i,key in ipairs(KEYS) do\n" \
    "  local o=(i-1)*7 local l={key=key,kind=ARGV[o+1],burst=tonumber(ARGV[o+2]),rate=tonumber(ARGV[o+3])," \
    "period=tonumber(ARGV[o+4]),cost=tonumber(ARGV[o+5]),ur=tonumber(ARGV[o+6]),up=tonumber(ARGV[o+7])}\n" \
    "  l.step=up(l.period,67108864) l.steps=up(l.period,l.step)\n" \
    "  local old=redis.call('GET',key) local most=l.rate\n" \
    "  if old then l.a,l.b,l.c=struct.unpack('<ddd',old) end\n" \
    "  if l.kind=='0' then\n" \
    "    most=l.burst local full=l.burst*l.up\n" \
    "    if not old then l.a,l.b,l.c=full,now,l.up end\n" \
    "    if l.c~=l.up then l.a=math.floor(l.a/l.c*l.up) l.c=l.up end\n" \
    "    if now>l.b then local lacks=full-l.a\n" \
    "      if lacks>0 and now-l.b<up(lacks,l.ur) then l.a=l.a+(now-l.b)*l.ur else l.a=full end\n" \
    "      l.b=now end\n" \
    "    if l.a>full then l.a=full end\n" \
    "    l.full=full\n" \
    "    l.left=down(l.a,l.up)\n" \
    "  else\n" \
    "    local w=down(now,l.period)\n" \
    "    if not old then l.a,l.b,l.c=w,0,0 end\n" \
    "    if w>l.a then if w==l.a+1 then l.c=l.b else l.c=0 end l.b=0 l.a=w end\n" \
    "    l.into=math.max(0,now-l.a*l.period)\n" \
    "    local taken=l.b if l.kind=='1' then taken=taken+share(l,l.c,l.into) end\n" \
    "    l.left=math.max(0,l.rate-taken)\n" \
    "  end\n" \
    "  l.fits=l.cost<=most and (l.cost<=l.left or l.cost==0)\n" \
    "  l.retry=0\n" \
    "  if l.cost>most then l.retry=4294967295\n" \
    "  elseif not l.fits then local wait\n" \
    "    if l.kind=='0' then wait=up(l.cost*l.up-l.a,l.ur)\n" \
    "    elseif l.kind=='2' then wait=l.period-l.into\n" \
    "    else local rest=l.period-l.into local at=offset_for(l,l.c,l.rate-l.cost-l.b)\n" \
    "      if at<l.period then wait=at-l.into else wait=rest+offset_for(l,l.b,l.rate-l.cost) end end\n" \
    "    l.retry=math.min(math.max(wait,1),4294967294) end\n" \
    "  fits=fits and l.fits all[i]=l\n" \
    "end\n" \
    "for i,l in ipairs(all) do\n" \
    "  if fits and l.cost>0 then local ends\n" \
    "    if l.kind=='0' then l.a=l.a-l.cost*l.up l.left=down(l.a,l.up) ends=l.b+up(l.full-l.a,l.ur)\n" \
    "    else l.b=l.b+l.cost l.left=math.max(0,l.left-l.cost) " \
    "ends=(l.a+(l.kind=='1' and 2 or 1))*l.period end\n" \
    "    redis.call('SET',l.key,struct.pack('<ddd',l.a,l.b,l.c),'PX',string.format('%.0f',math.max(1,ends-now)))\n" \
    "  end\n" \
    "  out[#out+1]=l.fits and 1 or 0 out[#out+1]=l.retry out[#out+1]=l.left\n" \
    "end\n" \
    "return out\n"

/* KEYS: k x. ARGV: prefix of entries, channel. Takes expired keys out of the index, and tells of them. */
#define SWEEP TIME \
    "local keys=redis.call('ZRANGEBYSCORE',KEYS[2],'-inf',now,'LIMIT',0,200)\n" \
    "for _,k in ipairs(keys) do\n" \
    "  local head=redis.call('GETRANGE',ARGV[1]..k,0,16)\n" \
    "  if head=='' then redis.call('ZREM',KEYS[1],k) redis.call('ZREM',KEYS[2],k)\n" \
    "    redis.call('PUBLISH',ARGV[2],string.rep('\\0',8)..k)\n" \
    "  else local _,ends=struct.unpack('>I8I8',head,2)\n" \
    "    if ends==0 then redis.call('ZREM',KEYS[2],k) end end\n" \
    "end\n" \
    "return #keys\n"

const char *const scripts[SCRIPT_COUNT] = {
    [SCRIPT_PUT] = PUT,   [SCRIPT_REMOVE] = REMOVE, [SCRIPT_LIST] = LIST,
    [SCRIPT_ADD] = ADD,   [SCRIPT_TAKE] = TAKE,     [SCRIPT_SWEEP] = SWEEP,
};
